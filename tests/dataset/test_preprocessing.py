"""Records are made in one way for all, whatever the number of workers and interruptions (P15)."""

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from dataset import preprocessing
from dataset.crop import clip_box, crop, face_box, whole_box
from dataset.detectors import StoredLandmarks
from dataset.images import encode_jpeg, read_image
from dataset.preprocessing import preprocess
from dataset.records import Rejected, choose_frames, make_record
from dataset.store import read_manifest, read_record, read_settings, read_videos, video_path
from dataset.video import count_frames, probe, stream_frames
from dataset.voxceleb import find_videos
from tests.conftest import ROOT
from tests.dataset.conftest import write_clip, write_photo

OPTIONS = {
    "detector": "stored", "crop": "auto", "image_size": 32, "frames_per_video": 5,
    "jpeg_quality": 95, "workers": 1, "shard": "1/1", "limit": None, "overwrite": False,
    "device": "cpu", "seed": 0,
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
    assert set(files) - set(kept) == {"manifest.jsonl", "data.json"}
    return kept


def record_of(path, crop="face", **options):
    (video,) = find_videos(path)
    return make_record(video, StoredLandmarks(), crop=crop, image_size=48, **options)


@pytest.fixture(scope="module")
def undisturbed(tree, tmp_path_factory):
    output = tmp_path_factory.mktemp("undisturbed")
    work(tree, output)
    return contents(output)


def test_frames_are_distinct_and_repeat_with_the_seed():
    drawn = [choose_frames([10, 0, 5], 9, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(set(drawn[0])) == 9
    assert all(index < (10, 0, 5)[segment] for segment, index in drawn[0])


def test_frames_are_drawn_uniformly_over_all_segments():
    counts = [30, 10]
    hits = np.zeros(40)
    for seed in range(3000):
        for segment, index in choose_frames(counts, 4, np.random.default_rng(seed)):
            hits[index + 30 * segment] += 1
    assert abs(hits / 300 - 1).max() < 0.25  # 300 expected, 17 standard deviation


def test_asking_for_too_many_frames_gives_all():
    rng = np.random.default_rng(0)
    assert sorted(choose_frames([2, 1], 9, rng)) == [(0, 0), (0, 1), (1, 0)]
    assert choose_frames([0, 0], 9, rng) == []


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
        def detect(self, frame, path, index, near=None):
            looked.append(index)
            return super().detect(frame, path, index, near)

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


def test_near_is_the_face_seen_closest_in_time(tmp_path):
    landmarks = write_clip(tmp_path / "clip.mp4", frames=12)
    asked = []

    class Noting(StoredLandmarks):
        def detect(self, frame, path, index, near=None):
            asked.append((index, near))
            return super().detect(frame, path, index, near)

    (video,) = find_videos(tmp_path / "clip.mp4")
    make_record(video, Noting(), crop="whole", image_size=32, frames=5)
    assert asked[0][1] is None
    for (before, _), (_, near) in itertools.pairwise(asked):
        assert np.array_equal(near, landmarks[before])


def test_a_file_that_overstates_its_length_still_gives_enough_frames(tmp_path):
    path = tmp_path / "clip.avi"
    write_clip(path, frames=60)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert 9 <= count_frames(path) < 40 < probe(path).frames
    assert len(record_of(path, frames=9).frames) == 9


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
    assert (summary.videos, summary.done, summary.kept, summary.skipped) == (4, 4, 0, ())
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


def test_limit_does_that_many(tree, tmp_path):
    assert work(tree, tmp_path, limit=2).videos == 2
    assert read_videos(tmp_path) == ["id1/a", "id1/b"]


def test_videos_that_were_skipped_are_tried_again(tmp_path):
    source, output = tmp_path / "in", tmp_path / "out"
    write_clip(source / "a.mp4")
    write_clip(source / "b.mp4")
    stored = (source / "b.landmarks.npy").rename(source / "elsewhere.npy")
    summary = work(source, output)
    assert [outcome.video for outcome in summary.skipped] == ["b"]
    assert "1 skipped (1 bad landmarks)" in str(summary)
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
    reasons = {outcome.video: outcome.reason for outcome in summary.skipped}
    assert reasons == {
        "a\nb": "unusable name", "cut": "unreadable", "empty": "unreadable",
        "faceless": "no face", "once": "too few usable frames", "short": "too few usable frames",
        "text": "unreadable", "wrong": "bad landmarks",
    }  # fmt: skip
    assert read_videos(output) == ["good", "x" * 235]
    logged = read_manifest(output)
    assert {video: entry["reason"] for video, entry in logged.items() if not entry["ok"]} == reasons
    assert all("\n" not in outcome.detail for outcome in summary.skipped)


def test_an_unusable_source_ends_in_one_line_with_the_counts(tmp_path):
    write_clip(tmp_path / "in" / "a.mp4", missing=range(20))
    (tmp_path / "in" / "b.mp4").write_text("hello")
    with pytest.raises(ValueError, match=r"none of the 2 videos .* can be used \(1 .*, 1 "):
        work(tmp_path / "in", tmp_path / "out")


def test_a_failed_write_stops_the_run_and_names_the_file(tree, tmp_path, monkeypatch):
    def full(path, record):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(preprocessing, "write_record", full)
    with pytest.raises(OSError, match=r"No space left .*a\.pkl"):
        work(tree, tmp_path)


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
import cli, dataset.preprocessing as preprocessing, preprocess

def make_record(video, *_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

preprocessing.make_record = make_record
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
    """Enough videos for a run to be interrupted in the middle."""
    source = tmp_path_factory.mktemp("many")
    for number in range(60):
        write_clip(source / f"id{number % 7}" / f"v{number}" / "1.mp4", frames=6, seed=number)
    return source


def test_killed_at_random_moments_and_restarted_the_result_is_the_same(many, tmp_path):
    work(many, tmp_path / "whole")
    output, rng = tmp_path / "killed", random.Random(0)
    interrupted = 0
    for trial in range(4):
        process = start("preprocess.py", many, output, "--workers", str(1 + trial % 2))
        target = 8 + 12 * trial  # records, and then a random moment
        while process.poll() is None and count(output) < target:
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.02))
        process.kill()
        process.communicate()
        interrupted += process.returncode == -signal.SIGKILL
    assert interrupted >= 3
    process = start("preprocess.py", many, output)
    assert process.wait(60) == 0
    assert contents(output) == contents(tmp_path / "whole")


def count(output):
    return sum(1 for _ in output.rglob("*.pkl")) if output.exists() else 0


def test_ctrl_c_leaves_whole_files_only_and_no_workers(many, tmp_path):
    process = start("preprocess.py", many, tmp_path, "--workers", "2")
    while process.poll() is None and count(tmp_path) < 10:
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the workers too
    _, err = process.communicate(timeout=30)  # returns when the workers too have closed stderr
    assert process.returncode == 130
    assert "Traceback" not in err
    for path in tmp_path.rglob("*.pkl"):
        read_record(path)
    for line in (tmp_path / "manifest.jsonl").read_text().splitlines():
        assert json.loads(line)["ok"]
