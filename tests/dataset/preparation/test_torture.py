"""A folder of all that can be wrong with videos: each is skipped with its reason, no more."""

import os

import av
import cv2
import numpy as np
import pytest

from dataset.images import write_image
from dataset.store import read_manifest, read_record, read_videos, video_path
from dataset.video.reading import stream_frames
from tests.conftest import run_script
from tests.dataset.conftest import face_points, write_clip, write_photo

FRAMES = 30
GOOD = {"good", "also good", "Жанна 日本 é", "n" * 200, "turned.MP4", "turned.mkv", "8k", "me"}


@pytest.fixture(scope="module")
def tortured(tmp_path_factory):
    """The folder, preprocessed by the script: (source, output, finished process)."""
    source, output = tmp_path_factory.mktemp("in"), tmp_path_factory.mktemp("out")
    make_good(source)
    make_bad_files(source)
    make_bad_content(source)
    make_bad_places(source)
    done = run_script(
        "preprocess.py", "--source", source, "--output", output, "--detector", "stored",
        "--image-size", 32, "--frames-per-video", 4, "--workers", 2,
    )  # fmt: skip
    return source, output, done


def make_good(source):
    for seed, name in enumerate(("good", "also good", "Жанна 日本 é", "n" * 200)):
        write_clip(source / f"{name}.mp4", frames=FRAMES, seed=seed)
    # One name, two suffixes: both keep theirs.
    write_clip(source / "turned.mkv", frames=FRAMES)
    write_clip(source / "turned.MP4", frames=FRAMES)
    for number in range(3):
        (source / "me").mkdir(exist_ok=True)
        write_photo(source / "me" / f"{number}.png", seed=number, width=96 + number)
    write_still(source / "8k" / "a.jpg", 0)
    write_still(source / "8k" / "b.jpg", 1)


def write_still(path, seed):
    """Write a picture of 7680 x 4320 pixels with its landmarks."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (135, 240, 3), np.uint8)
    path.parent.mkdir(exist_ok=True)
    write_image(path, cv2.resize(coarse, (7680, 4320), interpolation=cv2.INTER_NEAREST))
    np.save(path.with_suffix(".landmarks.npy"), face_points(3000, 2000, 1200)[None])


def make_bad_files(source):
    (source / "empty.mp4").write_bytes(b"")
    (source / "text.mp4").write_text("hello\n" * 1000)
    (source / "picture.avi").write_bytes((source / "me" / "0.png").read_bytes())
    for suffix in (".mp4", ".avi", ".mkv"):
        write_clip(source / f"whole{suffix}", frames=FRAMES)
        whole = (source / f"whole{suffix}").read_bytes()
        (source / f"whole{suffix}").unlink()
        for tenth in range(10):
            path = source / f"cut{tenth}{suffix}"
            path.write_bytes(whole[: len(whole) * tenth // 10])
            # As many as there were: they no longer fit.
            (source / "whole.landmarks.npy").rename(path.with_suffix(".landmarks.npy"))
            path.with_suffix(".landmarks.npy").rename(source / "whole.landmarks.npy")
    (source / "whole.landmarks.npy").unlink()


def make_bad_content(source):
    with av.open(str(source / "no frames.mp4"), "w") as container:
        container.add_stream("mpeg4", 25, width=64, height=64)
        container.start_encoding()
    with av.open(str(source / "only sound.mp4"), "w") as container:
        stream = container.add_stream("aac", 16000, layout="mono")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        silence.rate = 16000
        container.mux(stream.encode(silence))
        container.mux(stream.encode())
    write_pixels(source / "one pixel.mkv")
    write_clip(source / "one frame.mp4", frames=1)
    write_clip(source / "frozen.mp4", frames=FRAMES, width=192, height=160)
    write_frozen(source / "frozen.mp4")
    write_clip(source / "nan.mp4", frames=FRAMES, missing=range(FRAMES))
    for name, change in {
        "outside": lambda points: points + 5000,
        "infinite": lambda points: points / 0,
        "huge": lambda points: points * 1e30,
        "a point": lambda points: points * 0 + 20,
    }.items():
        write_clip(source / f"{name}.mp4", frames=FRAMES)
        stored = source / f"{name}.landmarks.npy"
        with np.errstate(all="ignore"):
            np.save(stored, change(np.load(stored)).astype(np.float32))
    write_clip(source / "hostile.mp4", frames=FRAMES)
    np.save(source / "hostile.landmarks.npy", np.array([print], object), allow_pickle=True)
    write_clip(source / "bare.mp4", frames=FRAMES)
    (source / "bare.landmarks.npy").unlink()


def make_bad_places(source):
    (source / "folder.mp4").mkdir()
    os.mkfifo(source / "pipe.mp4")
    (source / "loop").symlink_to(source, target_is_directory=True)
    (source / "broken.mp4").symlink_to(source / "nowhere.mp4")
    (source / "itself.mp4").symlink_to(source / "itself.mp4")
    write_clip(source / "line\nbreak.mp4", frames=FRAMES)


def write_pixels(path):
    """Write a video of one pixel."""
    pictures = [np.full((1, 1, 3), 20 * index, np.uint8) for index in range(10)]
    encode(path, pictures, "ffv1", "bgr0")
    np.save(path.with_suffix(".landmarks.npy"), np.zeros((10, 68, 2), np.float32))


def write_frozen(path):
    """Overwrite a video with one that shows the same picture all the time."""
    encode(path, [next(stream_frames(path))] * FRAMES, "mpeg4", "yuv420p")


def encode(path, pictures, codec, pixels):
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, 25, width=width, height=height, pix_fmt=pixels)
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


REASONS = {
    **dict.fromkeys(("empty", "text", "no frames", "only sound"), "unreadable"),
    **dict.fromkeys(("folder", "pipe", "broken", "itself"), "unreadable"),
    "one pixel": "absurd landmarks",
    "one frame": "too few usable frames",
    "frozen": "near-static",
    "nan": "no face",
    **dict.fromkeys(("outside", "infinite", "huge", "a point"), "absurd landmarks"),
    **dict.fromkeys(("hostile", "bare", "picture"), "bad landmarks"),
    "line\nbreak": "unusable name",
}


def test_the_run_ends_well_and_in_words(tortured):
    _, _, done = tortured
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.splitlines()[0].startswith(f"{len(GOOD)} videos, ")


def test_every_good_video_comes_through(tortured):
    _, output, _ = tortured
    assert set(read_videos(output)) == GOOD
    for video in GOOD:
        assert len(read_record(video_path(output, video)).frames) == {"8k": 2, "me": 3}.get(
            video, 4
        )


@pytest.mark.parametrize("video", REASONS)
def test_what_is_wrong_is_skipped_with_its_reason(tortured, video):
    _, output, _ = tortured
    entry = read_manifest(output)[video]
    assert not entry["ok"]
    assert entry["reason"] == REASONS[video]
    assert entry["detail"]
    assert "\n" not in entry["detail"]
    assert "Traceback" not in entry["detail"]


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv"])
@pytest.mark.parametrize("tenth", range(10))
def test_a_file_cut_at_any_tenth_is_skipped_with_its_reason(tortured, tenth, suffix):
    _, output, _ = tortured
    entry = read_manifest(output)[f"cut{tenth}{suffix}"]
    assert not entry["ok"]
    assert entry["reason"] in ("unreadable", "bad landmarks")
    assert entry["detail"]


def test_nothing_else_was_found(tortured):
    _, output, _ = tortured
    cut = {f"cut{tenth}{suffix}" for tenth in range(10) for suffix in (".mp4", ".avi", ".mkv")}
    assert set(read_manifest(output)) == GOOD | set(REASONS) | cut


def test_a_file_that_may_not_be_read_is_skipped_with_its_reason(tmp_path, monkeypatch):
    # The tests may run as root, who may read everything: the refusal is played.
    from tests.dataset.preparation.test_pipeline import work

    def refuse(path, *arguments, **options):
        if "locked" in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return really_open(path, *arguments, **options)

    really_open = av.open
    monkeypatch.setattr(av, "open", refuse)
    for name in ("open", "locked"):
        write_clip(tmp_path / "in" / f"{name}.mp4", frames=FRAMES)
    work(tmp_path / "in", tmp_path / "out")
    entries = read_manifest(tmp_path / "out")
    assert entries["open"]["ok"]
    assert entries["locked"]["reason"] == "unreadable"
    assert "Permission denied" in entries["locked"]["detail"]
