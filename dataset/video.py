"""Videos: ask about one, decode chosen frames or all of them in turn, write one."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from dataset.files import replacing

USUAL_FPS = 25.0  # where a file does not say
WRITABLE = (".mp4", ".mov")


class VideoInfo(NamedTuple):
    """What a video file says of itself."""

    frames: int
    """Number of frames; files lie about it, `count_frames` tells the truth."""
    fps: float
    width: int
    height: int


def probe(path: Path) -> VideoInfo:
    """Read a video's size, rate and number of frames without decoding it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a video, or it has no frame.
    """
    with _opened(path) as capture:
        frames = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        fps = capture.get(cv2.CAP_PROP_FPS)
        width = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        height = int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    if frames <= 0:  # some containers keep no count
        frames = count_frames(path)
    if frames <= 0:
        raise ValueError(f"{path} has no frame that OpenCV can decode")
    return VideoInfo(frames, fps if 0 < fps < 1000 else USUAL_FPS, width, height)


def count_frames(path: Path) -> int:
    """Count the frames that can be decoded, by decoding them.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a video.
    """
    with _opened(path) as capture:
        frames = 0
        while capture.grab():
            frames += 1
    return frames


def read_frames(path: Path, indices: Iterable[int]) -> Iterator[tuple[int, np.ndarray]]:
    """Decode chosen frames, in rising order, up to the last one asked for.

    Frames beyond the end, or behind a place where the file is damaged, are left out.

    Yields:
        index, frame (H, W, 3) uint8 RGB.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a video.
    """
    position = 0
    with _opened(path) as capture:
        for index in sorted(set(indices)):
            while position <= index:
                if not capture.grab():
                    return
                position += 1
            decoded, frame = capture.retrieve()
            if decoded:
                yield index, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)


def stream_frames(path: Path) -> Iterator[np.ndarray]:
    """Decode all frames in turn, (H, W, 3) uint8 RGB, one in memory at a time.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a video.
    """
    with _opened(path) as capture:
        while True:
            decoded, frame = capture.read()
            if not decoded:
                return
            yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)


@contextmanager
def _opened(path: Path) -> Iterator[cv2.VideoCapture]:
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path} does not exist or is no file")
    # Both write to the terminal what is said in one line here, or is no fault at all.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise ValueError(f"{path} is not a video that OpenCV can read")
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
        yield capture
    finally:
        capture.release()


class VideoWriter:
    """Write frames to a video that appears whole, or not at all, when the block ends.

    H.264 through the `ffmpeg` binary where it is on the PATH, else MPEG-4 through OpenCV, which
    cannot carry sound; one line on stderr says so.

    Args:
        path: .mp4 or .mov.
        fps: frames per second.
        audio_from: a video whose sound is added, cut to the length of the frames; one without
            sound changes nothing.

    Raises:
        ValueError: another suffix, a rate that is not positive, frames of different sizes, none.
        FileNotFoundError: `audio_from` does not exist.
        OSError: the encoder fails, for instance on a full disk.
    """

    def __init__(self, path: Path, fps: float, audio_from: Path | None = None):
        self.path, self.fps = Path(path), fps
        self.audio_from = Path(audio_from) if audio_from else None
        if self.path.suffix.lower() not in WRITABLE:
            raise ValueError(f"{path}: videos are written as {' or '.join(WRITABLE)}")
        if not 0 < fps < 1000:
            raise ValueError(f"{path}: frames per second must lie between 0 and 1000, got {fps}")
        if self.audio_from and not self.audio_from.is_file():
            raise FileNotFoundError(f"{audio_from} does not exist or is no file")

    def __enter__(self) -> "VideoWriter":
        self._count, self._shape, self._encoder = 0, None, None
        self._session = self._open_session()
        self._session.__enter__()
        return self

    def __exit__(self, *error) -> bool | None:
        return self._session.__exit__(*error)

    def write(self, frame: np.ndarray) -> None:
        """Add a frame (H, W, 3) uint8 RGB; all must have the size of the first."""
        if self._encoder is None:
            self._shape = frame.shape
            height, width = (side + side % 2 for side in frame.shape[:2])
            self._encoder = _open_encoder(self._partial, self.path, self.fps, width, height)
        if frame.shape != self._shape or frame.dtype != np.uint8:
            raise ValueError(
                f"{self.path}: every frame must be {self._shape} uint8 like the first, "
                f"got {frame.shape} {frame.dtype}"
            )
        rows, columns = frame.shape[0] % 2, frame.shape[1] % 2
        if rows or columns:  # both codecs want even sides
            frame = cv2.copyMakeBorder(frame, 0, rows, 0, columns, cv2.BORDER_REPLICATE)
        self._encoder.write(np.ascontiguousarray(frame))
        self._count += 1

    @contextmanager
    def _open_session(self) -> Iterator[None]:
        with replacing(self.path) as self._partial:
            try:
                yield
            except BaseException:
                if self._encoder:
                    self._encoder.abort()
                raise
            if not self._count:
                raise ValueError(f"{self.path}: no frame was written")
            self._encoder.close()
            if self.audio_from and isinstance(self._encoder, _FfmpegEncoder):
                self._add_audio()

    def _add_audio(self) -> None:
        """Put the sound beside the pictures; their stream is copied."""
        with replacing(self._partial) as muxed:
            _Ffmpeg(
                self.path, "-i", self._partial, "-i", self.audio_from,
                "-map", "0:v:0", "-map", "1:a:0?",
                "-c:v", "copy", "-c:a", "aac", "-b:a", "192k", "-t", self._count / self.fps,
                "-movflags", "+faststart", muxed,
            ).wait()  # fmt: skip


def _open_encoder(
    partial: Path, path: Path, fps: float, width: int, height: int
) -> "_FfmpegEncoder | _OpenCVEncoder":
    if _ffmpeg_writes_h264():
        return _FfmpegEncoder(partial, path, fps, width, height)
    print(
        f"{path.name}: no ffmpeg with libx264 on the PATH, so the video is MPEG-4 without sound, "
        "which some browsers do not play",
        file=sys.stderr,
    )
    return _OpenCVEncoder(partial, path, fps, width, height)


class _FfmpegEncoder:
    """H.264, yuv420p; raw frames go through a pipe."""

    def __init__(self, partial: Path, path: Path, fps: float, width: int, height: int):
        self.ffmpeg = _Ffmpeg(
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


class _OpenCVEncoder:
    """MPEG-4 part 2, which every build of OpenCV can write."""

    def __init__(self, partial: Path, path: Path, fps: float, width: int, height: int):
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
    if shutil.which("ffmpeg") is None:
        return False
    command = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-encoders"]
    listing = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return "libx264" in listing.stdout


class _Ffmpeg:
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
