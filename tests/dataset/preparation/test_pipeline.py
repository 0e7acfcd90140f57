"""A folder of videos becomes a folder of records, the same with any workers, shards and repeats."""

import contextlib

import numpy as np
import pytest

from dataset.detection.kinds import create_detector
from dataset.detection.process import DetectorFailure, RemoteDetector
from dataset.detection.stored import StoredLandmarks
from dataset.preparation import job, pipeline
from dataset.preparation.pipeline import preprocess
from dataset.preparation.quality import OPEN
from dataset.store import read_manifest, read_record, read_settings, read_videos, video_path
from drawn_heads.render import render
from drawn_heads.set import draw_video
from tests.conftest import leave_half_written
from tests.dataset.conftest import write_clip, write_photo, write_pictures
from tests.dataset.detection.plain import PlainDetector

OPTIONS = {
    "detector": "stored", "crop": "auto", "image_size": 32, "frames_per_video": 5,
    "jpeg_quality": 95, "workers": 1, "shard": "1/1", "limit": None, "overwrite": False,
    "dry_run": False, "precision": "float32", "devices": ["cpu"], "seed": 0, "gates": OPEN,
}  # fmt: skip


def work(source, output, **changes):
    return preprocess(source, output, **(OPTIONS | changes))


def contents(folder):
    """Return the bytes of all pickles and of videos.txt, and check that nothing else lies there."""
    files = {
        path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()
    }
    kept = {
        name: path.read_bytes() for name, path in files.items() if name.endswith(("pkl", "txt"))
    }
    assert set(files) - set(kept) == {"manifest.jsonl", "data.json", "contact_sheet.jpg"}
    return kept


@pytest.fixture(scope="module")
def undisturbed(tree, tmp_path_factory):
    output = tmp_path_factory.mktemp("undisturbed")
    work(tree, output)
    return contents(output)


def test_a_folder_of_videos_becomes_records_a_list_and_a_log(tree, tmp_path):
    summary = work(tree, tmp_path)
    assert read_videos(tmp_path) == ["id1/a", "id1/b", "id2/a", "id3/c"]
    assert (summary.videos, summary.done, summary.kept) == (4, 4, 0)
    assert not summary.report.skipped
    for video in read_videos(tmp_path):
        record = read_record(video_path(tmp_path, video))
        entry = read_manifest(tmp_path)[video]
        assert record.video == video
        assert len(record.frames) == entry["frames"] == 5
        assert entry["bytes"] == video_path(tmp_path, video).stat().st_size
    assert read_settings(tmp_path)["frames_per_video"] == 5
    assert "4 videos" in str(summary)


def test_photos_beside_films_become_a_record_and_the_one_that_is_damaged_is_named(tmp_path):
    for number in range(4):
        write_photo(tmp_path / "in" / "ann" / f"{number}.png", seed=number)
    write_clip(tmp_path / "in" / "ann" / "talk.m4v")
    damaged = tmp_path / "in" / "ann" / "2.png"
    damaged.write_bytes(damaged.read_bytes()[:-40])
    summary = work(tmp_path / "in", tmp_path / "out")
    assert read_videos(tmp_path / "out") == ["ann", "ann/talk"]
    photos = read_record(video_path(tmp_path / "out", "ann"))
    assert [name for name, _ in photos.origins] == ["0.png", "1.png", "3.png"]
    left_out = {
        video: entry["left_out"] for video, entry in read_manifest(tmp_path / "out").items()
    }
    assert list(left_out["ann"]) == ["2.png"]
    assert left_out["ann/talk"] == {}
    assert "files left out, as they could not be read: 1\n  ann: 2.png: " in str(summary)


def test_another_seed_chooses_other_frames(tree, tmp_path):
    origins = []
    for seed in (0, 1):
        work(tree, tmp_path / str(seed), seed=seed, limit=1)
        origins.append(read_record(video_path(tmp_path / str(seed), "id1/a")).origins)
    assert origins[0] != origins[1]


def test_any_number_of_workers_writes_the_same_bytes(tree, tmp_path, undisturbed):
    work(tree, tmp_path, workers=2)
    assert contents(tmp_path) == undisturbed


def test_running_again_keeps_what_is_done(tree, tmp_path, undisturbed):
    work(tree, tmp_path)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.pkl")}
    summary = work(tree, tmp_path)
    assert (summary.done, summary.kept) == (0, 4)
    assert times == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.pkl")}
    summary = work(tree, tmp_path, overwrite=True)
    assert (summary.done, summary.kept) == (4, 0)
    assert all(path.stat().st_mtime_ns != before for path, before in times.items())
    assert contents(tmp_path) == undisturbed


def test_shards_together_do_the_whole(tree, tmp_path, undisturbed):
    for shard in ("2/3", "3/3", "1/3"):
        work(tree, tmp_path, shard=shard)
    assert contents(tmp_path) == undisturbed


def test_gates_say_in_the_manifest_what_they_refused(tmp_path):
    source, output = tmp_path / "in", tmp_path / "out"
    landmarks = write_clip(source / "clip.mp4", frames=40)
    landmarks[::2] -= np.float32([42, 0])  # half outside to the left
    landmarks[1::4] = np.nan
    np.save(source / "clip.landmarks.npy", landmarks)
    summary = work(source, output, gates=OPEN._replace(most_outside=0.02), frames_per_video=10)
    entry = read_manifest(output)["clip"]
    assert entry["ok"]
    assert set(entry["refused"]) == {"face partly outside", "no face"}
    assert entry["looked"] >= sum(entry["refused"].values()) + 10
    assert set(entry["stages"]) == {"decode", "detect", "judge", "cut", "write"}
    assert entry["stages"]["decode"][0] == entry["looked"]
    record = read_record(video_path(output, "clip"))
    assert all(index % 4 == 3 for _, index in record.origins)
    assert "frames refused: " in str(summary)


def test_the_reason_of_a_rejected_video_is_the_gate_that_refused_most(tmp_path):
    source = tmp_path / "in"
    write_clip(source / "good.mp4", frames=20)
    landmarks = write_clip(source / "small.mp4", frames=20)
    np.save(source / "small.landmarks.npy", (landmarks - 40) * 0.2 + 40)
    work(source, tmp_path / "out", gates=OPEN._replace(least_face=0.3), image_size=64)
    entry = read_manifest(tmp_path / "out")["small"]
    assert (entry["ok"], entry["reason"]) == (False, "face too small")
    assert entry["refused"] == {"face too small": 20}


def write_people(path, *people, frames=12):
    """Write a clip that shows drawn people one after the other."""
    pictures, landmarks = [], []
    for person in people:
        identity, scene, poses = draw_video(0, person, 0, frames, fps=5)
        for pose in poses:
            picture, points = render(identity, scene, pose, 96)
            pictures.append(picture)
            landmarks.append(points)
    write_pictures(path, pictures, landmarks)


def test_a_cut_is_noticed_reported_and_refused_if_asked_for(tmp_path):
    source = tmp_path / "in"
    write_people(source / "one.mp4", 1, 1)
    write_people(source / "two.mp4", 1, 2)
    gates = OPEN._replace(least_likeness=0.85)
    summary = work(source, tmp_path / "out", gates=gates)
    entries = read_manifest(tmp_path / "out")
    assert [entries[video]["cuts"] for video in ("one", "two")] == [0, 1]
    assert all(entry["ok"] for entry in entries.values())
    assert "cuts in 1 videos, do they show one person? two" in str(summary)
    work(source, tmp_path / "strict", gates=gates._replace(reject_cuts=True))
    assert read_videos(tmp_path / "strict") == ["one"]
    assert read_manifest(tmp_path / "strict")["two"]["reason"] == "cut"


def test_a_face_that_rests_in_a_moving_picture_is_near_static(tmp_path):
    source = tmp_path / "in"
    write_clip(source / "moving.mp4", frames=30)
    landmarks = write_clip(source / "resting.mp4", frames=30)
    np.save(source / "resting.landmarks.npy", np.repeat(landmarks[:1], 30, 0))
    work(source, tmp_path / "out", gates=OPEN._replace(least_motion=0.003))
    assert read_videos(tmp_path / "out") == ["moving"]
    assert read_manifest(tmp_path / "out")["resting"]["reason"] == "near-static"


class NoNetworks(StoredLandmarks):
    """Passes for the real detector."""

    name = "face-alignment"

    def __init__(self, name, device, threads=None, precision="float32"):
        super().__init__()


@pytest.mark.parametrize(
    "create", [NoNetworks, pytest.param(create_detector, marks=pytest.mark.slow)]
)
def test_detector_processes_find_what_a_detector_of_ones_own_finds(
    random_networks, tmp_path, monkeypatch, create
):
    monkeypatch.setattr(pipeline, "create_detector", create)
    source = tmp_path / "in"
    for number in range(2):
        write_clip(source / f"{number}.mp4", frames=2, seed=number, width=64, height=64)
    options = {"detector": "face-alignment", "crop": "whole", "frames_per_video": 2}
    outcomes = []
    for name, workers, devices in (("own", 1, ["cpu"]), ("apart", 2, ["cpu", "cpu"])):
        with contextlib.suppress(ValueError):  # random networks may find no usable face at all
            work(source, tmp_path / name, workers=workers, devices=devices, **options)
        entries = read_manifest(tmp_path / name).values()
        outcomes.append({e["video"]: (e["ok"], e["refused"], e["looked"]) for e in entries})
        assert [entry["looked"] for entry in entries] == [2, 2]
    assert outcomes[0] == outcomes[1]
    records = [
        {p.name: p.read_bytes() for p in (tmp_path / n).glob("*.pkl")} for n in ("own", "apart")
    ]
    assert records[0] == records[1]
    assert len(records[0]) == 2 or create is create_detector


def create_plain(name, device, precision):
    return PlainDetector(device)


def test_a_detectors_process_that_dies_ends_the_run_in_one_line(tmp_path, monkeypatch):
    write_clip(tmp_path / "in" / "clip.mp4")
    monkeypatch.setattr(pipeline, "prepare_detector", lambda name: None)
    monkeypatch.setattr(pipeline, "create_detector", create_plain)

    def fail(self, frames, places, near):
        raise DetectorFailure("the detector's process on cuda:0 has ended")

    monkeypatch.setattr(RemoteDetector, "detect", fail)
    with pytest.raises(ChildProcessError, match=r"cuda:0 has ended; the same command goes on"):
        work(tmp_path / "in", tmp_path / "out", detector="face-alignment", devices=["cpu", "cpu"])
    assert read_manifest(tmp_path / "out") == {}  # it was no fault of the video


def test_a_dry_run_writes_nothing_and_tells_time_and_disk(many, tmp_path):
    plan = work(many, tmp_path / "out", dry_run=True)
    assert not (tmp_path / "out").exists()
    assert (plan.found, plan.kept, plan.todo, plan.trial.videos) == (150, 0, 150, 8)
    summary = work(many, tmp_path / "out")
    (share,) = {plan.todo / plan.trial.videos}
    assert plan.trial.bytes * share == pytest.approx(summary.bytes, rel=0.05)
    text = str(plan)
    assert "150 videos found, 0 are there, 150 to do" in text
    assert "estimated from 8 of them: " in text
    assert "nothing was written" in text
    before = contents(tmp_path / "out")
    assert str(work(many, tmp_path / "out", dry_run=True)) == (
        "150 videos found, 150 are there, 0 to do"
    )
    assert contents(tmp_path / "out") == before


def test_limit_does_that_many(tree, tmp_path):
    assert work(tree, tmp_path, limit=2).videos == 2
    assert read_videos(tmp_path) == ["id1/a", "id1/b"]


def test_videos_that_were_skipped_are_tried_again(tmp_path):
    source, output = tmp_path / "in", tmp_path / "out"
    write_clip(source / "a.mp4")
    write_clip(source / "b.mp4")
    stored = (source / "b.landmarks.npy").rename(source / "elsewhere.npy")
    summary = work(source, output)
    assert "1 skipped" in str(summary)
    assert "skipped 1: 1 bad landmarks" in str(summary)
    assert "b.landmarks.npy is missing" in str(summary)
    stored.rename(source / "b.landmarks.npy")
    assert work(source, output).videos == 2


def test_bad_videos_are_skipped_with_their_reason_and_the_good_come_through(tmp_path):
    source, output = tmp_path / "in", tmp_path / "out"
    write_clip(source / "good.mp4")
    write_clip(source / "faceless.mp4", missing=range(20))
    write_clip(source / "once.mp4", missing=range(19))
    write_clip(source / "short.mp4", frames=1)
    write_clip(source / "wrong.mp4", frames=5)
    np.save(source / "wrong.landmarks.npy", np.zeros((4, 68, 2), np.float32))
    write_clip(source / "cut.mp4")
    (source / "cut.mp4").write_bytes((source / "cut.mp4").read_bytes()[:700])
    (source / "text.mp4").write_text("hello")
    (source / "empty.mp4").write_bytes(b"")
    write_clip(source / "a\nb.mp4")
    write_clip(source / f"{'x' * 235}.mp4")
    summary = work(source, output)
    logged = read_manifest(output)
    reasons = {video: entry["reason"] for video, entry in logged.items() if not entry["ok"]}
    assert reasons == {
        "a\nb": "unusable name", "cut": "unreadable", "empty": "unreadable",
        "faceless": "no face", "once": "too few usable frames", "short": "too few usable frames",
        "text": "unreadable", "wrong": "bad landmarks",
    }  # fmt: skip
    assert read_videos(output) == ["good", "x" * 235]
    assert summary.report.skipped.total() == len(reasons)
    assert all("\n" not in entry["detail"] for entry in logged.values())


def test_an_unusable_source_ends_in_one_line_with_the_counts(tmp_path):
    write_clip(tmp_path / "in" / "a.mp4", missing=range(20))
    (tmp_path / "in" / "b.mp4").write_text("hello")
    with pytest.raises(ValueError, match=r"none of the 2 videos .* can be used \(1 .*, 1 "):
        work(tmp_path / "in", tmp_path / "out")


def test_a_failed_write_stops_the_run_and_names_the_file(tree, tmp_path, monkeypatch):
    def full(path, record):
        leave_half_written(path)
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(job, "write_record", full)
    with pytest.raises(OSError, match=r"No space left .*a\.pkl"):
        work(tree, tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix == ".pkl"]


def test_other_settings_in_the_same_folder_are_refused(tree, tmp_path):
    work(tree, tmp_path, limit=1)
    with pytest.raises(ValueError, match="--frames-per-video must be 5"):
        work(tree, tmp_path, frames_per_video=6)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_never_mixes_the_landmarks_of_two_detectors(
    tree, tmp_path, monkeypatch, overwrite
):
    monkeypatch.setattr(pipeline, "prepare_detector", lambda name: None)
    work(tree, tmp_path, limit=1)
    before = contents(tmp_path)
    with pytest.raises(ValueError, match=r"--detector must be stored, .* got face-alignment"):
        work(tree, tmp_path, detector="face-alignment", overwrite=overwrite)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("shard", "0/2"), ("shard", "3/2"), ("shard", "1"), ("shard", "a/b"), ("shard", "1/0"),
        ("image_size", 0), ("frames_per_video", 1), ("jpeg_quality", 101), ("workers", -1),
        ("limit", 0), ("seed", -1), ("crop", "tight"), ("detector", "dilb"),
    ],
)  # fmt: skip
def test_options_out_of_range_are_named_before_anything_is_written(tree, tmp_path, option, value):
    name = option.replace("_", "-")
    with pytest.raises(ValueError, match=f"--{name} must be .*{value}"):
        work(tree, tmp_path / "out", **{option: value})
    assert not (tmp_path / "out").exists()
