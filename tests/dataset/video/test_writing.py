"""Videos are written whole or not at all."""

import os
import shutil
import stat
import sys

import numpy as np
import pytest

from dataset.video import encoders
from dataset.video.reading import probe, stream_frames
from dataset.video.writing import VideoWriter
from tests.dataset.conftest import moving_scene


@pytest.fixture
def without_ffmpeg(monkeypatch):
    monkeypatch.setattr(encoders, "_ffmpeg_writes_h264", lambda: False)
    encoders._say_what_is_lost.cache_clear()


def test_opencv_writes_what_was_given_and_says_what_is_lost(tmp_path, without_ffmpeg, capsys):
    pictures, _ = moving_scene(12)
    for name in ("one.mp4", "two.mp4"):
        with VideoWriter(tmp_path / name, 29.97) as writer:
            for picture in pictures:
                writer.write(picture)
    info = probe(tmp_path / "one.mp4")
    assert info.frames == 12
    assert info.fps == pytest.approx(29.97)
    frame = next(stream_frames(tmp_path / "one.mp4")).astype(int)
    assert np.abs(frame - pictures[0]).mean() < 4
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert "ffmpeg" in said[0]
    assert "without sound" in said[0]


def test_odd_sides_are_made_even_without_moving_the_picture(tmp_path, without_ffmpeg):
    picture = moving_scene(1, width=65, height=51)[0][0]
    with VideoWriter(tmp_path / "odd.mp4", 25) as writer:
        writer.write(picture)
    frame = next(stream_frames(tmp_path / "odd.mp4")).astype(int)
    assert frame.shape == (52, 66, 3)
    assert np.abs(frame[:51, :65] - picture).mean() < 4


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_interrupted_video_leaves_nothing_and_the_old_one(tmp_path, without_ffmpeg, error):
    (tmp_path / "a.mp4").write_bytes(b"old")
    with pytest.raises(error), VideoWriter(tmp_path / "a.mp4", 25) as writer:
        writer.write(np.zeros((16, 16, 3), np.uint8))
        raise error
    assert (tmp_path / "a.mp4").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("frames", "message"),
    [([], "no frame"), ([(16, 16), (16, 18)], r"like the first.*\(16, 18, 3\)")],
)
def test_no_frames_and_frames_of_two_sizes_are_refused(tmp_path, without_ffmpeg, frames, message):
    with (
        pytest.raises(ValueError, match=message),
        VideoWriter(tmp_path / "a.mp4", 25) as writer,
    ):
        for height, width in frames:
            writer.write(np.zeros((height, width, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_wrong_suffix_rate_and_sound_are_refused_before_any_work(tmp_path):
    with pytest.raises(ValueError, match=r"out\.gif.*\.mp4"):
        VideoWriter(tmp_path / "out.gif", 25)
    with pytest.raises(ValueError, match="frames per second"):
        VideoWriter(tmp_path / "out.mp4", 0)
    with pytest.raises(FileNotFoundError, match=r"speech\.mp4"):
        VideoWriter(tmp_path / "out.mp4", 25, audio_from=tmp_path / "speech.mp4")


FAKE_FFMPEG = """#!{python}
import pathlib, sys
arguments = sys.argv[1:]
log = pathlib.Path(__file__).with_name("log")
log.write_text((log.read_text() if log.exists() else "") + " ".join(arguments) + "\\n")
if "-encoders" in arguments:
    print(" V....D libx264  H.264")
elif "pipe:0" in arguments:
    frames = sys.stdin.buffer.read()
    if frames[:1] == b"\\xff":
        print("fake: out of luck", file=sys.stderr)
        sys.exit(3)
    pathlib.Path(arguments[-1]).write_bytes(frames)
else:
    pathlib.Path(arguments[-1]).write_bytes(b"with sound")
"""


@pytest.fixture
def fake_ffmpeg(tmp_path, monkeypatch):
    """A program named ffmpeg that keeps the raw frames and notes how it was called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "ffmpeg"
    program.write_text(FAKE_FFMPEG.format(python=sys.executable))
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(VideoWriter, "_check_whole", lambda self: None)
    return folder / "log"


def test_ffmpeg_gets_raw_rgb_frames_the_exact_rate_and_yuv420p(tmp_path, fake_ffmpeg):
    frame = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    with VideoWriter(tmp_path / "o.mp4", 30000 / 1001) as writer:
        writer.write(frame)
        writer.write(frame[::-1])
    assert (tmp_path / "o.mp4").read_bytes() == frame.tobytes() + frame[::-1].tobytes()
    called = fake_ffmpeg.read_text().splitlines()[1]
    for words in ("-s 6x4", "-r 30000/1001", "libx264", "-pix_fmt yuv420p", "rgb24"):
        assert words in called


def test_ffmpeg_adds_sound_cut_to_the_length_of_the_frames(tmp_path, fake_ffmpeg, clip):
    with VideoWriter(tmp_path / "o.mp4", 25, audio_from=clip) as writer:
        for _ in range(50):
            writer.write(np.zeros((4, 4, 3), np.uint8))
    assert (tmp_path / "o.mp4").read_bytes() == b"with sound"
    called = fake_ffmpeg.read_text().splitlines()[2]
    for words in (f"-i {clip}", "-map 1:a:0?", "-c:v copy", "-t 2.0 "):
        assert words in called
    assert {path.name for path in tmp_path.iterdir()} == {"bin", "o.mp4"}


def test_ffmpegs_last_words_are_passed_on(tmp_path, fake_ffmpeg):
    with (
        pytest.raises(OSError, match=r"could not write .*o\.mp4: fake: out of luck"),
        VideoWriter(tmp_path / "o.mp4", 25) as writer,
    ):
        writer.write(np.full((4, 4, 3), 255, np.uint8))
    assert {path.name for path in tmp_path.iterdir()} == {"bin"}


@pytest.mark.skipif(not encoders._ffmpeg_writes_h264(), reason="no ffmpeg with libx264 here")
def test_the_real_ffmpeg_writes_h264_with_every_frame(tmp_path, clip):
    pictures, _ = moving_scene(20, width=65, height=51)
    with VideoWriter(tmp_path / "o.mp4", 25, audio_from=clip) as writer:
        for picture in pictures:
            writer.write(picture)
    assert probe(tmp_path / "o.mp4") == (20, 25.0, 66, 52)
    assert shutil.which("ffmpeg")
    frame = next(stream_frames(tmp_path / "o.mp4")).astype(int)
    assert np.abs(frame[:51, :65] - pictures[0]).mean() < 6
