"""Videos and pictures are written whole or not at all, in the colours and at the rate asked for."""

import resource
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from dataset.images import read_image
from dataset.video import encoders
from dataset.video.reading import probe, stream_frames
from dataset.video.sound import Sound
from dataset.video.writing import VideoWriter
from drawn_heads.render import render
from drawn_heads.set import draw_video
from tests.dataset.conftest import moving_scene
from tests.dataset.video.clips import BEEP, heard, write_sound

KINDS = ["o.mp4", "o.mov", "o.webm", "o.gif", "o.webp", "o"]
ERRORS = {".gif": 3.0, ".webp": 4.0, "": 0.0}  # mean, grey values; 4 for the others


def write(path, pictures, fps=25.0, sound=None):
    with VideoWriter(path, fps, sound) as writer:
        for picture in pictures:
            writer.write(picture)


def read(path):
    """Frames of any kind of output, and the seconds that all of them last."""
    if path.is_dir():
        return [read_image(file) for file in sorted(path.iterdir())], None
    if path.suffix == ".webp":
        with Image.open(path) as image:
            frames, seconds = [], 0.0
            for index in range(image.n_frames):
                image.seek(index)
                frames.append(np.asarray(image.convert("RGB")))
                seconds += image.info["duration"] / 1000
            return frames, seconds
    with av.open(str(path)) as container:
        seconds = container.duration / 1e6
    return list(stream_frames(path)), seconds


@pytest.mark.parametrize("name", KINDS)
def test_the_suffix_decides_and_every_frame_is_there(name, tmp_path):
    pictures, _ = moving_scene(10, width=64, height=48)
    write(tmp_path / name, pictures)
    frames, seconds = read(tmp_path / name)
    assert len(frames) == 10
    assert seconds is None or seconds == pytest.approx(0.4, abs=0.01)
    limit = ERRORS.get((tmp_path / name).suffix, 4.0)
    for frame, picture in zip(frames, pictures, strict=True):
        assert np.abs(frame.astype(int) - picture).mean() <= limit
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["o.mp4", "o.mov", "o.webm"])
def test_movies_are_in_bt709_and_say_so(name, tmp_path):
    write(tmp_path / name, moving_scene(2)[0])
    with av.open(str(tmp_path / name)) as container:
        frame = next(container.decode(video=0))
        codec = container.streams.video[0].codec_context.name
    assert frame.format.name == "yuv420p"
    assert (frame.colorspace, frame.color_primaries, frame.color_trc) == (1, 1, 1)
    assert codec == ("vp9" if name == "o.webm" else "h264")


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(30), Fraction(60000, 1001)])
def test_rates_are_exact(rate, tmp_path):
    write(tmp_path / "o.mp4", moving_scene(3)[0], float(rate))
    with av.open(str(tmp_path / "o.mp4")) as container:
        assert container.streams.video[0].average_rate == rate


def test_equal_frames_become_equal_bytes_whatever_was_written_before(tmp_path):
    one, other = (
        [render(*who, motion[at], 64)[0] for at in range(12)]
        for *who, motion in (draw_video(0, person, 0, 12) for person in (0, 1))
    )
    write(tmp_path / "alone.mp4", other)
    for number in range(4):
        write(tmp_path / "before.mp4", [frame[::-1].copy() for frame in one][: 12 - number])
        write(tmp_path / "after.mp4", other)
        assert (tmp_path / "after.mp4").read_bytes() == (tmp_path / "alone.mp4").read_bytes()


def test_a_frame_may_be_written_several_times(tmp_path):
    pictures, _ = moving_scene(2)
    with VideoWriter(tmp_path / "o", 25) as writer:
        writer.write(pictures[0], 2)
        writer.write(pictures[1], 3)
    frames, _ = read(tmp_path / "o")
    assert [np.array_equal(frame, pictures[1]) for frame in frames] == [False] * 2 + [True] * 3


def test_odd_sides_are_made_even_without_moving_the_picture(tmp_path):
    picture = moving_scene(1, width=65, height=51)[0][0]
    write(tmp_path / "odd.mp4", [picture])
    frame = next(stream_frames(tmp_path / "odd.mp4")).astype(int)
    assert frame.shape == (52, 66, 3)
    assert np.abs(frame[:51, :65] - picture).mean() < 4


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_interrupted_output_leaves_nothing_and_the_old_one(tmp_path, name, error):
    old = tmp_path / name
    if old.suffix:
        old.write_bytes(b"old")
    with pytest.raises(error), VideoWriter(old, 25) as writer:
        writer.write(np.zeros((16, 16, 3), np.uint8))
        raise error
    assert [path.read_bytes() for path in tmp_path.iterdir()] == ([b"old"] if old.suffix else [])


@pytest.mark.parametrize("name", KINDS)
def test_a_full_disk_is_an_error_that_names_the_file_and_leaves_nothing(tmp_path, name):
    noise = np.random.default_rng(0).integers(0, 256, (20, 64, 64, 3), dtype=np.uint8)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, before[1]))  # bytes of any file
    try:
        with pytest.raises(OSError, match=rf"{name} cannot be written: "):
            write(tmp_path / name, noise)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("frames", "message"),
    [([], "no frame"), ([(16, 16), (16, 18)], r"like the first.*\(16, 18, 3\)")],
)
def test_no_frames_and_frames_of_two_sizes_are_refused(tmp_path, frames, message):
    with (
        pytest.raises(ValueError, match=message),
        VideoWriter(tmp_path / "a.mp4", 25) as writer,
    ):
        for height, width in frames:
            writer.write(np.zeros((height, width, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_wrong_suffix_rate_and_sound_are_refused_before_any_work(tmp_path):
    with pytest.raises(ValueError, match=r"out\.avi must end in \.mp4, .*\.gif, \.webp, or be a"):
        VideoWriter(tmp_path / "out.avi", 25)
    with pytest.raises(ValueError, match="frames per second"):
        VideoWriter(tmp_path / "out.mp4", 0)
    with pytest.raises(FileNotFoundError, match=r"speech\.mp4"):
        VideoWriter(tmp_path / "out.mp4", 25, Sound(tmp_path / "speech.mp4"))


def test_a_pyav_without_h264_writes_mpeg4_and_says_once_what_is_lost(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(encoders, "H264", ("no such encoder", "mpeg4"))
    encoders._best_h264.cache_clear()
    for name in ("one.mp4", "two.mp4"):
        write(tmp_path / name, moving_scene(3)[0])
    encoders._best_h264.cache_clear()
    assert probe(tmp_path / "two.mp4").frames == 3
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert "no H.264" in said[0]


@pytest.mark.parametrize("name", ["o.mp4", "o.webm"])
@pytest.mark.parametrize("frames", [10, 60])
def test_sound_is_cut_or_filled_to_the_length_of_the_frames(tmp_path, name, frames):
    """The sound lasts 1.5 s; the frames 0.4 or 2.4."""
    write_sound(tmp_path / "speech.wav")
    pictures = np.zeros((frames, 16, 16, 3), np.uint8)
    write(tmp_path / name, pictures, sound=Sound(tmp_path / "speech.wav", start=0.25))
    beep, seconds = heard(tmp_path / name)
    assert seconds == pytest.approx(frames / 25, abs=0.012)
    if frames == 60:
        assert beep == pytest.approx(BEEP - 0.25, abs=0.005)


def resident() -> float:
    """Megabytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(
    ("name", "frames"),
    [
        ("o.webp", 200),
        ("o.gif", 200),
        *(pytest.param(k, 3000, marks=pytest.mark.slow) for k in KINDS),
    ],
)
def test_memory_stays_flat_however_many_frames_are_written(name, frames, tmp_path):
    pictures, _ = moving_scene(20, width=256, height=256)
    with VideoWriter(tmp_path / name, 25) as writer:
        for number in range(frames):
            writer.write(pictures[number % 20])
            if number == 50:
                early = resident()
        assert resident() - early < 0.4 * (frames - 50) * pictures[0].nbytes / 1e6


def test_what_has_no_sound_adds_none(tmp_path, clip):
    write(tmp_path / "o.mp4", moving_scene(3)[0], sound=Sound(clip))
    with av.open(str(tmp_path / "o.mp4")) as container:
        assert not container.streams.audio


def test_the_sound_is_the_default_track(tmp_path):
    write_sound(tmp_path / "two.mkv", tracks=2, default=1)
    black = np.zeros((40, 16, 16, 3), np.uint8)
    write(tmp_path / "o.mp4", black, sound=Sound(tmp_path / "two.mkv"))
    beep, _ = heard(tmp_path / "o.mp4")
    assert beep == pytest.approx(BEEP + 0.2, abs=0.005)  # the second begins to beep later
