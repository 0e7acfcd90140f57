"""What a person is told of a folder of records: by the report, and by the contact sheet."""

import json
import os

import numpy as np
import pytest

from dataset.images import read_image
from dataset.preparation.contact_sheet import SHOWN, TILE, write_contact_sheet
from dataset.preparation.inspection import inspect
from dataset.preparation.quality import OPEN
from dataset.preparation.report import Outcome, Report, outcome_of
from dataset.store import (
    append_manifest,
    read_manifest,
    read_record,
    read_videos,
    video_path,
    write_record,
)
from tests.dataset.conftest import write_clip
from tests.dataset.preparation.test_pipeline import contents, work


@pytest.fixture
def folder(tree, tmp_path):
    """Four good records, preprocessed with one video that has no face."""
    source = tmp_path / "in"
    source.symlink_to(tree)
    work(source, tmp_path / "out")
    return tmp_path / "out"


def test_a_sound_folder_is_reported_in_full(folder):
    found = inspect(folder)
    assert (found.videos, dict(found.frames), found.damaged, found.unlisted) == (4, {5: 4}, (), 0)
    assert found.bytes == sum(path.stat().st_size for path in folder.rglob("*.pkl"))
    text = str(found)
    assert text.startswith("4 videos, 4 readable, ")
    assert "image_size 32" in text
    assert "frames: 4 with 5\nlandmarks: 4 by stored\n" in text
    assert "frames/s of one process: decode " in text
    assert str(folder / "contact_sheet.jpg") in text


def test_records_of_several_detectors_are_counted_by_what_each_states(folder):
    path = video_path(folder, "id1/a")
    write_record(path, read_record(path)._replace(detector="face-alignment"))
    assert "\nlandmarks: 3 by stored, 1 by face-alignment\n" in str(inspect(folder))


def test_damaged_missing_and_unlisted_records_are_named(folder):
    videos = read_videos(folder)
    video_path(folder, videos[0]).write_bytes(b"damaged")
    video_path(folder, videos[1]).unlink()
    stray = video_path(folder, videos[2])
    (folder / "stray.pkl").write_bytes(stray.read_bytes())
    truncated = video_path(folder, videos[3])
    truncated.write_bytes(truncated.read_bytes()[:-100])
    found = inspect(folder)
    assert (found.videos, found.frames.total(), found.unlisted) == (4, 1, 1)
    assert len(found.damaged) == 3
    for video in (videos[0], videos[1], videos[3]):
        assert sum(str(video_path(folder, video)) in line for line in found.damaged) == 1
    assert "damaged or missing 3:" in str(found)


def test_a_picture_that_does_not_decode_is_damage(folder):
    path = video_path(folder, "id1/a")
    record = read_record(path)
    broken = (record.frames[0][:2] + b"no picture", *record.frames[1:])
    write_record(path, record._replace(frames=broken))
    (line,) = inspect(folder).damaged
    assert str(path) in line
    assert "not a picture" in line


def test_inspecting_changes_no_record(folder):
    before = contents(folder)
    inspect(folder)
    assert contents(folder) == before


@pytest.mark.parametrize("missing", ["videos.txt", "data.json"])
def test_a_folder_that_preprocess_has_not_made_is_refused(folder, missing):
    (folder / missing).unlink()
    with pytest.raises(FileNotFoundError, match=missing):
        inspect(folder)


def test_strange_lines_of_a_manifest_do_not_stop_the_report(folder):
    for entry in (
        {"video": "a", "ok": True},
        {"video": "b", "ok": False, "reason": 5, "frames": "many"},
        {"video": "c", "ok": True, "stages": [1, 2], "refused": {"x": "y"}},
        {"video": "d", "ok": True, "seconds": None, "other": 1},
        {"video": "e", "ok": True, "seconds": 1e400},
    ):
        append_manifest(folder, entry)
    assert "4 videos" in str(inspect(folder))


def test_the_sheet_shows_the_records_with_their_landmarks(folder):
    path = write_contact_sheet(folder, read_videos(folder))
    sheet = read_image(path)
    assert sheet.shape == (2 * TILE, 2 * TILE, 3)
    plain = [np.asarray(sheet[y : y + TILE, x : x + TILE]) for y in (0, TILE) for x in (0, TILE)]
    for tile in plain:
        yellow = (tile[..., 0] > 180) & (tile[..., 1] > 180) & (tile[..., 2] < 120)
        assert yellow.any()  # the lips, which no scene has in this colour


def test_a_sheet_has_64_records_and_leaves_out_the_damaged(tmp_path):
    write_clip(tmp_path / "in" / "clip.mp4")
    work(tmp_path / "in", tmp_path / "out")
    data = video_path(tmp_path / "out", "clip").read_bytes()
    names = [f"v{number:03d}" for number in range(SHOWN + 6)]
    for name in names:
        (tmp_path / "out" / f"{name}.pkl").write_bytes(data)
    (tmp_path / "out" / "v003.pkl").write_bytes(b"")
    sheet = read_image(write_contact_sheet(tmp_path / "out", names))
    assert sheet.shape == (8 * TILE, 8 * TILE, 3)
    assert write_contact_sheet(tmp_path / "out", ["v003", "gone"]) is None


def outcome(video, ok=True, **changes):
    return Outcome(video, ok, "" if ok else "no face", "", 5, 100, 1.0)._replace(**changes)


def test_a_report_adds_up_and_its_size_does_not_grow():
    report = Report()
    for number in range(3000):
        report.add(
            outcome(
                f"v{number}", ok=number % 3 > 0, seconds=float(number), looked=6,
                refused={"blurred": 1}, cuts=number % 2, stages={"decode": (6, 0.5)},
            )
        )  # fmt: skip
    assert (report.videos, report.done, report.skipped["no face"]) == (3000, 2000, 1000)
    assert report.frames == 10_000
    text = "\n".join(report.lines())
    assert len(text.splitlines()) < 30
    assert "and 980 more, see manifest.jsonl" in text
    assert "frames refused: 16.7% of 18000 looked at (3000 blurred)" in text
    assert "cuts in 1500 videos" in text
    assert "decode 12" in text
    assert "slowest: v2999 2999.0 s, v2998 2998.0 s" in text
    assert "v2994" not in text


def test_a_line_of_the_manifest_comes_back_as_it_was(tmp_path):
    before = outcome("v", refused={"blurred": 2}, stages={"decode": (6, 0.5)})
    append_manifest(tmp_path, before._asdict())
    assert outcome_of(read_manifest(tmp_path)["v"]) == before
    assert json.loads((tmp_path / "manifest.jsonl").read_text())["refused"] == {"blurred": 2}


def test_gates_are_off_when_open():
    assert OPEN.least_face == OPEN.least_sharpness == OPEN.least_change == OPEN.least_motion == 0


def test_no_room_for_the_sheet_is_an_error_that_names_it(folder, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(OSError, match=r"No space left .*contact_sheet\.jpg"):
        inspect(folder)
