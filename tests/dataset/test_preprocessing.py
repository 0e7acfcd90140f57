"""Records are made in one way for all, whatever the number of workers and interruptions (P15)."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import config
from dataset import cutting, job, search
from dataset.crop import clip_box, crop, face_box, whole_box
from dataset.detector_process import DetectorFailure, RemoteDetector
from dataset.detectors import StoredLandmarks
from dataset.images import encode_jpeg, read_image
from dataset.preprocessing import preprocess
from dataset.quality import OPEN, Gates
from dataset.records import make_record
from dataset.sample_heads import render, sample_video
from dataset.search import Rejected, order_frames
from dataset.store import read_manifest, read_record, read_settings, read_videos, video_path
from dataset.video import index_video, read_frames, stream_frames
from dataset.voxceleb import find_videos
from tests.conftest import ROOT, leave_half_written
from tests.dataset.conftest import moving_scene, write_clip, write_photo, write_pictures

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


def record_of(path, crop="face", **options):
    (video,) = find_videos(path)
    return make_record(video, StoredLandmarks(), crop=crop, image_size=48, **options)


@pytest.fixture(scope="module")
def undisturbed(tree, tmp_path_factory):
    output = tmp_path_factory.mktemp("undisturbed")
    work(tree, output)
    return contents(output)


def seconds(*lengths, fps=25.0):
    return [np.full(length, 1 / fps) for length in lengths]


def test_each_frame_comes_once_and_the_order_repeats_with_the_seed():
    orders = [order_frames(seconds(10, 0, 5), np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == [(0, i) for i in range(10)] + [(2, i) for i in range(5)]


def test_frames_are_drawn_uniformly_over_all_segments():
    hits = np.zeros(40)
    for seed in range(3000):
        for segment, index in order_frames(seconds(30, 10), np.random.default_rng(seed))[:4]:
            hits[index + 30 * segment] += 1
    assert abs(hits / 300 - 1).max() < 0.25  # 300 expected, 17 standard deviation


def test_a_frame_that_is_shown_longer_is_drawn_more_often():
    durations = np.ones(20)
    durations[5:10] = 3.0  # a variable rate
    hits = np.zeros(20)
    for seed in range(6000):
        hits[order_frames([durations], np.random.default_rng(seed))[0][1]] += 1
    expected = 6000 * durations / durations.sum()
    assert (abs(hits - expected) < 5 * np.sqrt(expected)).all()


def test_p15_a_photo_goes_through_records_and_crop_with_the_same_result(tmp_path):
    picture = write_photo(tmp_path / "me.png")
    landmarks = np.load(tmp_path / "me.landmarks.npy")[0]
    record = record_of(tmp_path / "me.png", fewest=1)
    square, moved = crop(read_image(tmp_path / "me.png"), landmarks, face_box(landmarks), 48)
    assert np.array_equal(picture, read_image(tmp_path / "me.png"))
    assert record.frames == (encode_jpeg(square, 95),)
    assert np.array_equal(record.landmarks[0], moved)


@pytest.mark.parametrize("mode", ["whole", "face"])
def test_p15_a_video_goes_through_records_and_crop_with_the_same_result(tmp_path, mode):
    landmarks = write_clip(tmp_path / "clip.mp4", frames=12)
    frames = list(stream_frames(tmp_path / "clip.mp4"))
    record = record_of(tmp_path / "clip.mp4", crop=mode, frames=5)
    indices = [index for _, index in record.origins]
    box = whole_box(80, 96) if mode == "whole" else clip_box(landmarks[indices])
    assert indices == sorted(set(indices))
    assert len(indices) == 5
    for place, index in enumerate(indices):
        square, moved = crop(frames[index], landmarks[index], box, 48)
        assert record.frames[place] == encode_jpeg(square, 95)
        assert np.array_equal(record.landmarks[place], moved)
    assert record.crop == mode
    assert record.detector == "stored"


def test_all_frames_of_a_video_when_no_number_is_given(tmp_path):
    write_clip(tmp_path / "clip.mp4", frames=12, missing=[4])
    origins = record_of(tmp_path / "clip.mp4").origins
    assert origins == tuple(("clip.mp4", i) for i in range(12) if i != 4)
    assert record_of(tmp_path / "clip.mp4", frames=500).origins == origins


def test_frames_without_a_face_are_replaced_as_long_as_there_are_any(tmp_path):
    write_clip(tmp_path / "clip.mp4", frames=40, missing=set(range(40)) - {1, 7, 8, 20, 33})
    record = record_of(tmp_path / "clip.mp4", frames=9)
    assert [index for _, index in record.origins] == [1, 7, 8, 20, 33]


def test_the_search_for_faces_is_bounded(tmp_path):
    write_clip(tmp_path / "clip.mp4", frames=100, missing=range(100))
    looked = []

    class Counting(StoredLandmarks):
        def detect(self, frames, places, near):
            looked.extend(index for _, index in places)
            return super().detect(frames, places, near)

    (video,) = find_videos(tmp_path / "clip.mp4")
    with pytest.raises(Rejected, match="no face in any of"):
        make_record(video, Counting(), crop="whole", image_size=32, frames=3)
    assert 3 * 8 <= len(looked) < 60
    assert len(set(looked)) == len(looked)


def test_landmarks_that_lie_outside_the_picture_or_nowhere_are_no_face(tmp_path):
    landmarks = write_clip(tmp_path / "clip.mp4", frames=6)
    landmarks[0] += 500
    landmarks[1] = landmarks[1] * 100
    landmarks[2] = 40
    landmarks[3, 5] = np.inf
    np.save(tmp_path / "clip.landmarks.npy", landmarks)
    assert [index for _, index in record_of(tmp_path / "clip.mp4").origins] == [4, 5]


@pytest.mark.parametrize(("usable", "reason"), [(1, "too few usable frames"), (0, "no face")])
def test_fewer_than_two_usable_frames_are_rejected(tmp_path, usable, reason):
    write_clip(tmp_path / "clip.mp4", frames=6, missing=range(6 - usable))
    with pytest.raises(Rejected) as error:
        record_of(tmp_path / "clip.mp4")
    assert error.value.reason == reason
    if usable:
        assert len(record_of(tmp_path / "clip.mp4", fewest=1).frames) == 1


class Noting(StoredLandmarks):
    """Notes what it was asked: (file name, index, near), in lists of what came at once."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def detect(self, frames, places, near):
        names = [(path.name, index) for path, index in places]
        self.asked.append([(*name, face) for name, face in zip(names, near, strict=True)])
        return super().detect(frames, places, near)


def test_near_is_the_face_seen_closest_in_time(tmp_path):
    landmarks = write_clip(tmp_path / "clip.mp4", frames=60)
    detector = Noting()
    (video,) = find_videos(tmp_path / "clip.mp4")
    make_record(video, detector, crop="whole", image_size=32, frames=20)
    known = []
    for batch in detector.asked:
        for _, index, near in batch:
            if known:
                closest = min(known, key=lambda other: abs(other - index))
                assert np.array_equal(near, landmarks[closest])
            else:
                assert near is None
        known += [index for _, index, _ in batch]
    assert sorted(known) == known


def test_the_first_face_is_looked_for_alone_and_the_others_together(tmp_path):
    write_clip(tmp_path / "clip.mp4", frames=60)
    detector = Noting()
    (video,) = find_videos(tmp_path / "clip.mp4")
    make_record(video, detector, crop="whole", image_size=32, frames=20)
    assert [len(batch) for batch in detector.asked] == [1, 8, 8, 3]


@pytest.mark.parametrize(("mode", "first_of_each"), [("whole", 1), ("face", 2)])
def test_the_face_of_another_segment_will_do_in_face_crops_alone(tree, mode, first_of_each):
    detector = Noting()
    video = next(video for video in find_videos(tree) if video.id == "id1/a")
    make_record(video, detector, crop=mode, image_size=32)
    asked = [face for batch in detector.asked for _, _, face in batch]
    assert sum(face is None for face in asked) >= first_of_each
    starts = {name for batch in detector.asked for name, _, face in batch if face is None}
    assert len(starts) == first_of_each


def test_a_file_that_overstates_its_length_still_gives_enough_frames(tmp_path, monkeypatch):
    landmarks = write_clip(tmp_path / "clip.avi", frames=20)

    def overstate(path):
        index = index_video(path)
        return index._replace(durations=np.full(200, 0.04), packets=None)

    def noting(path, indices, index):
        asked.append(list(indices))
        return read_frames(path, indices, index)

    asked = []
    monkeypatch.setattr(search, "index_video", overstate)
    monkeypatch.setattr(search, "read_frames", noting)
    record = record_of(tmp_path / "clip.avi", frames=9)
    assert len(record.frames) == 9
    end = min(index for index in asked[0] if index >= 20)
    assert all(index < end for later in asked[1:] for index in later)  # it has learnt the end
    assert max(index for _, index in record.origins) < len(landmarks)


def test_a_video_of_which_nothing_can_be_decoded_is_unreadable(tmp_path, monkeypatch):
    write_clip(tmp_path / "clip.mp4", frames=10)
    monkeypatch.setattr(search, "read_frames", lambda *_: iter(()))
    with pytest.raises(Rejected, match="none of its frames can be decoded") as error:
        record_of(tmp_path / "clip.mp4")
    assert error.value.reason == "unreadable"


def test_a_video_of_two_pictures_is_near_static(tmp_path):
    one, other = moving_scene(30, 192, 160)[0][[0, 15]]
    landmarks = moving_scene(30, 192, 160)[1]
    write_pictures(tmp_path / "clip.mp4", [one] * 15 + [other] * 15, landmarks)
    gates = OPEN._replace(least_change=6.0)
    with pytest.raises(Rejected, match="near-duplicate") as error:
        record_of(tmp_path / "clip.mp4", frames=9, gates=gates)
    assert error.value.reason == "near-static"
    assert len(record_of(tmp_path / "clip.mp4", frames=2, gates=gates).frames) == 2


def test_frames_that_do_not_fit_into_memory_are_decoded_again_with_the_same_result(
    tmp_path, monkeypatch
):
    write_clip(tmp_path / "clip.mp4", frames=40)
    whole = record_of(tmp_path / "clip.mp4", frames=9)
    monkeypatch.setattr(cutting, "HELD_BYTES", 3 * 96 * 80 * 3)  # three of nine
    again = record_of(tmp_path / "clip.mp4", frames=9)
    assert again.frames == whole.frames
    assert np.array_equal(again.landmarks, whole.landmarks)


def test_segments_that_cannot_be_read_are_left_out(tmp_path):
    for name in ("00001", "00002"):
        write_clip(tmp_path / "id" / "v" / f"{name}.mp4", frames=6)
    (tmp_path / "id" / "v" / "00001.mp4").write_bytes(b"not a video")
    (tmp_path / "id" / "v" / "00003.mp4").write_bytes(b"")
    assert {name for name, _ in record_of(tmp_path).origins} == {"00002.mp4"}


def test_frames_come_from_all_segments(tree):
    video = next(video for video in find_videos(tree) if video.id == "id1/a")
    record = make_record(video, StoredLandmarks(), crop="auto", image_size=32)
    assert {name for name, _ in record.origins} == {"00001.mp4", "00002.mp4"}
    assert record.crop == "whole"


def test_photos_of_one_person_are_one_record_with_a_box_each(tmp_path):
    for seed, width in enumerate((96, 140)):
        write_photo(tmp_path / "me" / f"{seed}.png", seed=seed, width=width)
    (tmp_path / "me" / "2.jpg").write_bytes(b"no picture")
    record = record_of(tmp_path / "me")
    assert record.origins == (("0.png", 0), ("1.png", 0))
    assert record.video == "me"
    centres = record.landmarks.mean(1)
    assert np.abs(centres[0] - centres[1]).max() < 1


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
        identity, scene, poses = sample_video(0, person, 0, frames, fps=5)
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


def test_detector_processes_find_what_a_detector_of_ones_own_finds(random_networks, tmp_path):
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


def test_a_detectors_process_that_dies_ends_the_run_in_one_line(
    random_networks, tmp_path, monkeypatch
):
    write_clip(tmp_path / "in" / "clip.mp4")

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


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("shard", "0/2"), ("shard", "3/2"), ("shard", "1"), ("shard", "a/b"), ("shard", "1/0"),
        ("image_size", 0), ("frames_per_video", 1), ("jpeg_quality", 101), ("workers", -1),
        ("limit", 0), ("seed", -1), ("crop", "tight"), ("detector", "dlib"),
    ],
)  # fmt: skip
def test_options_out_of_range_are_named_before_anything_is_written(tree, tmp_path, option, value):
    name = option.replace("_", "-")
    with pytest.raises(ValueError, match=f"--{name} must be .*{value}"):
        work(tree, tmp_path / "out", **{option: value})
    assert not (tmp_path / "out").exists()


def test_a_worker_killed_by_the_system_ends_the_run_in_one_line(tree, tmp_path):
    killer = tmp_path / "killer.py"
    killer.write_text(KILLER)
    done = start(killer, tree, tmp_path / "out", "--workers", "2")
    _, err = done.communicate(timeout=60)
    assert done.returncode == 1, err
    assert "the system has killed a worker" in err
    assert "Traceback" not in err


KILLER = """
import os, signal, sys
sys.argv[0] = "preprocess.py"
import cli, dataset.job, preprocess

def make_record(video, *_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

dataset.job.make_record = make_record
if __name__ == "__main__":
    cli.run(preprocess.main)
"""


def start(script, source, output, *options):
    return subprocess.Popen(
        [
            sys.executable, str(script), "--source", str(source), "--output", str(output),
            "--detector", "stored", "--image-size", "32", "--frames-per-video", "5", *options,
        ],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Where the tests themselves run in the background of a shell, Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        text=True,
        start_new_session=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Enough videos for a run to be interrupted in the middle, again and again."""
    source = tmp_path_factory.mktemp("many")
    for number in range(150):
        write_clip(source / f"id{number % 7}" / f"v{number}" / "1.mp4", frames=12, seed=number)
    return source


def test_killed_at_20_random_moments_and_restarted_the_result_is_the_same(many, tmp_path):
    larger = {"image_size": 128, "frames_per_video": 12}  # so that each video takes a while
    options = [f"--{name.replace('_', '-')}={value}" for name, value in larger.items()]
    work(many, tmp_path / "whole", gates=Gates(**vars(config.Gates())), **larger)
    output, rng = tmp_path / "killed", random.Random(0)
    for trial in range(20):
        process = start("preprocess.py", many, output, "--workers", str(1 + trial % 2), *options)
        if trial % 4:  # at some of its first records, else at any moment from its start on
            target = count(output) + rng.randrange(1, 5)
            while process.poll() is None and count(output) < target:
                time.sleep(0.002)
            time.sleep(rng.uniform(0, 0.01))
        else:
            time.sleep(rng.uniform(0, 0.5))
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL, f"trial {trial} was over too early"
    assert 20 < count(output) < 150
    process = start("preprocess.py", many, output, *options)
    assert process.wait(60) == 0
    assert contents(output) == contents(tmp_path / "whole")


def test_two_runs_at_once_on_one_output_do_not_harm_each_other(many, tmp_path):
    work(many, tmp_path / "whole", gates=Gates(**vars(config.Gates())))
    output = tmp_path / "shared"
    runs = [start("preprocess.py", many, output, "--workers", str(n)) for n in (1, 2)]
    assert [run.wait(60) for run in runs] == [0, 0]
    assert contents(output) == contents(tmp_path / "whole")
    assert read_videos(output) == read_videos(tmp_path / "whole")
    assert set(read_manifest(output)) == set(read_manifest(tmp_path / "whole"))


def count(output):
    return sum(1 for _ in output.rglob("*.pkl")) if output.exists() else 0


@pytest.mark.parametrize("delay", [0.6, 0.8, 1.0, 1.2])
def test_ctrl_c_while_workers_start_is_quiet(many, tmp_path, delay):
    process = start("preprocess.py", many, tmp_path, "--workers", "2")
    while process.poll() is None and not (tmp_path / "data.json").exists():
        time.sleep(0.002)
    time.sleep(delay - 0.6)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode in (0, 130)  # or it was done before
    assert "Traceback" not in err


def test_ctrl_c_leaves_whole_files_only_and_no_workers(many, tmp_path):
    process = start("preprocess.py", many, tmp_path, "--workers", "2")
    while process.poll() is None and count(tmp_path) < 10:
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the workers too
    _, err = process.communicate(timeout=30)  # returns when the workers too have closed stderr
    assert process.returncode == 130
    assert "Traceback" not in err
    assert not list(tmp_path.rglob(".partial*"))
    for path in tmp_path.rglob("*.pkl"):
        read_record(path)
    for line in (tmp_path / "manifest.jsonl").read_text().splitlines():
        assert json.loads(line)["ok"]
