"""preprocess.py as a user meets it: bad input ends in one line, and nothing hostile is run."""

import os
import pickle
import sys
import urllib.error

import numpy as np
import pytest
import torch

import cli
import preprocess
from dataset.store import StoreError, read_manifest, read_record, read_videos, video_path
from dataset.video.reading import count_frames
from tests.conftest import run_script
from tests.dataset.conftest import write_clip, write_photo

USUAL = ("--detector", "stored", "--image-size", "32", "--frames-per-video", "4", "--workers", "1")


@pytest.fixture
def script(monkeypatch, capsys):
    """Call the script in this process: (exit status, standard output, standard error)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["preprocess.py", *map(str, arguments)])
        status, message = 0, ""
        try:
            cli.run(preprocess.main)
        except SystemExit as stop:
            # A message in the place of a status is printed by the interpreter, with status 1.
            status, message = (1, stop.code) if isinstance(stop.code, str) else (stop.code, "")
        printed = capsys.readouterr()
        return status, printed.out, printed.err + message

    return call


def assert_one_line(result, *words):
    status, out, err = result
    assert status == 1
    assert out == ""
    assert len(err.strip().splitlines()) == 1, err
    assert err.startswith("preprocess.py: ")
    for word in words:
        assert str(word) in err


def test_a_run_prints_what_was_done_and_ends_with_status_0(script, tmp_path):
    write_clip(tmp_path / "in" / "good.mp4")
    (tmp_path / "in" / "bad.mp4").write_text("text")
    status, out, err = script("--source", tmp_path / "in", "--output", tmp_path / "out", *USUAL)
    assert (status, err) == (0, "")
    assert out.startswith("1 videos, ")
    assert "1 skipped\nskipped 1: 1 unreadable\n" in out
    assert "bad.mp4 is not a video" in out
    assert read_videos(tmp_path / "out") == ["good"]


def test_a_missing_source_folder(script, tmp_path):
    result = script("--source", tmp_path / "nowhere", "--output", tmp_path / "out", *USUAL)
    assert_one_line(result, "nowhere", "does not exist")
    assert not (tmp_path / "out").exists()


def test_an_empty_source_folder(script, tmp_path):
    (tmp_path / "in").mkdir()
    result = script("--source", tmp_path / "in", "--output", tmp_path / "out", *USUAL)
    assert_one_line(result, tmp_path / "in", "holds no videos", ".mp4")
    assert not (tmp_path / "out").exists()


def bad_text(path):
    path.write_text("this is no video")


def truncated(path):
    write_clip(path)
    path.write_bytes(path.read_bytes()[:600])


def faceless(path):
    write_clip(path, missing=range(20))


def too_short(path):
    write_clip(path, frames=1)


def wrong_landmarks(path):
    write_clip(path, frames=20)
    np.save(path.with_suffix(".landmarks.npy"), np.zeros((19, 68, 2), np.float32))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (bad_text, ("clip.mp4 is not a video", "1 unreadable")),
        (truncated, ("clip.mp4 is not a video", "1 unreadable")),
        (faceless, ("clip: no face in any of 20 frames", "1 no face")),
        (too_short, ("clip: 1 usable frame, at least 2 are needed",)),
        (wrong_landmarks, ("clip.landmarks.npy must hold", "has 20 frames, got 19")),
    ],
)
def test_a_source_of_one_bad_video_ends_in_one_line_and_is_logged(script, tmp_path, make, words):
    (tmp_path / "in").mkdir()
    make(tmp_path / "in" / "clip.mp4")
    result = script("--source", tmp_path / "in", "--output", tmp_path / "out", *USUAL)
    assert_one_line(result, "none of the 1 videos", *words)
    assert read_manifest(tmp_path / "out")["clip"]["ok"] is False
    assert read_videos(tmp_path / "out") == []


def test_a_video_cut_in_half_gives_the_frames_it_has(script, tmp_path):
    path = tmp_path / "in" / "clip.avi"
    write_clip(path, frames=40)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    stored = path.with_suffix(".landmarks.npy")
    np.save(stored, np.load(stored)[: count_frames(path)])
    status, _, _ = script("--source", tmp_path / "in", "--output", tmp_path / "out", *USUAL)
    assert status == 0
    assert len(read_record(video_path(tmp_path / "out", "clip")).frames) == 4


def test_photos_of_a_person_become_one_record(script, tmp_path):
    for seed in range(3):
        write_photo(tmp_path / "me" / f"{seed}.png", seed=seed)
    status, _, _ = script("--source", tmp_path / "me", "--output", tmp_path / "out", *USUAL)
    assert status == 0
    record = read_record(video_path(tmp_path / "out", "me"))
    assert len(record.frames) == 3
    assert record.crop == "face"


def test_a_hostile_pickle_in_the_output_is_never_executed(script, tmp_path):
    class Touch:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'executed'}",)

    write_clip(tmp_path / "in" / "clip.mp4")
    arguments = ("--source", tmp_path / "in", "--output", tmp_path / "out", *USUAL)
    assert script(*arguments)[0] == 0
    path = video_path(tmp_path / "out", "clip")
    path.write_bytes(pickle.dumps(Touch()))
    assert script(*arguments)[0] == 0
    with pytest.raises(StoreError):
        read_record(path)
    assert not (tmp_path / "executed").exists()


def test_other_settings_for_the_same_output(script, tmp_path):
    write_clip(tmp_path / "in" / "clip.mp4")
    arguments = ("--source", tmp_path / "in", "--output", tmp_path / "out", *USUAL)
    assert script(*arguments)[0] == 0
    assert_one_line(script(*arguments, "--seed", 3), "--seed must be 0", "got 3")


def test_an_output_that_is_a_file(script, tmp_path):
    write_clip(tmp_path / "in" / "clip.mp4")
    (tmp_path / "out").write_text("")
    result = script("--source", tmp_path / "in", "--output", tmp_path / "out", *USUAL)
    assert_one_line(result, tmp_path / "out")


def test_a_wrong_shard(script, tmp_path):
    write_clip(tmp_path / "clip.mp4")
    arguments = ("--source", tmp_path, "--output", tmp_path / "out", *USUAL)
    assert_one_line(script(*arguments, "--shard", "5/4"), "--shard must be i/n", "'5/4'")


def test_face_alignment_without_weights_and_network(script, tmp_path, monkeypatch):
    def offline(*_, **__):
        raise urllib.error.URLError("Network is unreachable")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    write_clip(tmp_path / "in" / "clip.mp4")
    result = script("--source", tmp_path / "in", "--output", tmp_path / "out")
    assert_one_line(result, "2DFAN4-11f355bf06.pth.tar", "s3fd-619a316812.pth", tmp_path / "torch")
    assert not (tmp_path / "out").exists()


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(script, tmp_path):
    write_clip(tmp_path / "in" / "clip.mp4")
    arguments = ("--source", tmp_path / "in", "--output", tmp_path / "out", *USUAL)
    status, out, err = script(*arguments, "--dry-run")
    assert (status, err) == (0, "")
    assert "1 videos found, 0 are there, 1 to do" in out
    assert "of disk" in out
    assert not (tmp_path / "out").exists()


def test_inspect_reports_on_a_folder_and_writes_its_sheet(script, tmp_path):
    write_clip(tmp_path / "in" / "clip.mp4")
    script("--source", tmp_path / "in", "--output", tmp_path / "out", *USUAL)
    sheet = tmp_path / "out" / "contact_sheet.jpg"
    sheet.unlink()
    status, out, err = script("--inspect", tmp_path / "out")
    assert (status, err) == (0, "")
    assert out.startswith("1 videos, 1 readable, ")
    assert sheet.is_file()


def test_inspecting_a_folder_of_another_kind_ends_in_one_line(script, tmp_path):
    assert_one_line(script("--inspect", tmp_path), tmp_path, "holds no videos.txt")
    assert_one_line(script("--inspect", tmp_path / "nowhere"), "nowhere does not exist")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--source and --output are needed"),
        (("--source", "x"), "--source and --output are needed"),
        (("--inspect", "x", "--output", "y"), "--inspect stands alone"),
        (
            ("--source", "x", "--output", "y", "--most-outside", "2"),
            "--most-outside must be from 0",
        ),
        (
            ("--source", "x", "--output", "y", "--least-face", "-1"),
            "--least-face must be at least 0",
        ),
    ],
)
def test_options_that_do_not_go_together_or_are_out_of_range(script, arguments, words):
    status, out, err = script(*arguments)
    assert (status, out) == (2, "")
    assert len(err.strip().splitlines()) == 1
    assert words in err


def test_a_gate_is_switched_off_by_its_option(script, tmp_path):
    landmarks = write_clip(tmp_path / "in" / "clip.mp4")
    resting = np.repeat(landmarks[:1], len(landmarks), 0)
    np.save(tmp_path / "in" / "clip.landmarks.npy", resting)
    arguments = ("--source", tmp_path / "in", *USUAL)
    assert_one_line(script(*arguments, "--output", tmp_path / "a"), "1 near-static")
    assert script(*arguments, "--output", tmp_path / "b", "--least-motion", 0)[0] == 0
    changed = script(*arguments, "--output", tmp_path / "b")
    assert_one_line(changed, "--least-motion must be 0", "got 0.003")


def test_as_a_process_with_two_workers(tmp_path):
    for name in ("id1/a/00001", "id2/b/00001", "id2/b/00002"):
        write_clip(tmp_path / "in" / f"{name}.mp4")
    done = run_script(
        "preprocess.py", "-s", tmp_path / "in", "-o", tmp_path / "out", *USUAL[:-1], 2
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert read_videos(tmp_path / "out") == ["id1/a", "id2/b"]
