"""The two ways to write a video: the `ffmpeg` binary, or OpenCV where there is none."""

import contextlib
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np


def silence_opencv() -> None:
    """Keep OpenCV and its FFmpeg from writing to the terminal; errors are raised here."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def open_encoder(
    partial: Path, path: Path, fps: float, width: int, height: int
) -> "FfmpegEncoder | OpenCVEncoder":
    """Start to write `partial`, which will become `path`, with the best that is there."""
    if _ffmpeg_writes_h264():
        return FfmpegEncoder(partial, path, fps, width, height)
    _say_what_is_lost()
    return OpenCVEncoder(partial, path, fps, width, height)


@functools.cache
def _say_what_is_lost() -> None:
    """Say it once in a process, however many videos it writes."""
    print(
        "no ffmpeg with libx264 on the PATH: videos are written as MPEG-4, which some browsers do "
        "not play, and without sound",
        file=sys.stderr,
    )


class FfmpegEncoder:
    """H.264, yuv420p; raw frames go through a pipe."""

    carries_sound = True

    def __init__(self, partial: Path, path: Path, fps: float, width: int, height: int):
        self.ffmpeg = Ffmpeg(
            path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}",
            "-r", Fraction(fps).limit_denominator(1001), "-i", "pipe:0",
            "-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "18", "-movflags", "+faststart",
            partial, stdin=subprocess.PIPE,
        )  # fmt: skip

    def write(self, frame: np.ndarray) -> None:
        try:
            self.ffmpeg.process.stdin.write(frame.data)
        except BrokenPipeError:
            self.ffmpeg.wait()
            raise

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):  # then its exit status says why
            self.ffmpeg.process.stdin.close()
        self.ffmpeg.wait()

    def abort(self) -> None:
        self.ffmpeg.process.kill()
        with contextlib.suppress(BrokenPipeError, OSError):
            self.close()


class OpenCVEncoder:
    """MPEG-4 part 2, which every build of OpenCV can write."""

    carries_sound = False

    def __init__(self, partial: Path, path: Path, fps: float, width: int, height: int):
        silence_opencv()
        fourcc = cv2.VideoWriter_fourcc(*"mp4v")
        self.writer = cv2.VideoWriter(str(partial), fourcc, fps, (width, height))
        if not self.writer.isOpened():
            raise OSError(f"OpenCV cannot write {path} ({width} x {height} at {fps:g} fps)")

    def write(self, frame: np.ndarray) -> None:
        self.writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        self.writer.release()

    abort = close


def _ffmpeg_writes_h264() -> bool:
    program = shutil.which("ffmpeg")
    return program is not None and _has_x264(program)


@functools.cache
def _has_x264(program: str) -> bool:
    """Ask once in a process, however many videos it writes."""
    command = [program, "-hide_banner", "-loglevel", "error", "-encoders"]
    listing = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return "libx264" in listing.stdout


class Ffmpeg:
    """A running ffmpeg that writes `path`."""

    def __init__(self, path: Path, *arguments: object, stdin: int = subprocess.DEVNULL):
        self.path = path
        self.complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in wait()
        self.process = subprocess.Popen(  # a pipe for its stderr could fill up and block it
            ["ffmpeg", "-y", "-loglevel", "error", *map(str, arguments)],
            stdin=stdin,
            stdout=subprocess.DEVNULL,
            stderr=self.complaints,
        )

    def wait(self) -> None:
        """Wait for its end; raise OSError with its last words unless it has succeeded."""
        status = self.process.wait()
        if self.complaints.closed:
            return
        with self.complaints as file:
            file.seek(0)
            lines = [line.strip() for line in file if line.strip()]
        if status:
            words = lines[-1] if lines else f"exit status {status}"
            raise OSError(f"ffmpeg could not write {self.path}: {words}")
