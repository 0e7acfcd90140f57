"""Videos: ask about one, decode chosen frames or all of them in turn, write one."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from dataset.encoders import Ffmpeg, open_encoder, silence_opencv
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
    silence_opencv()
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
            self._encoder = open_encoder(self._partial, self.path, self.fps, width, height)
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
            self._check_whole()
            if self.audio_from and self._encoder.carries_sound:
                self._add_audio()

    def _check_whole(self) -> None:
        try:
            written = probe(self._partial).frames
        except ValueError:
            written = 0
        if written != self._count:  # OpenCV does not say when the disk is full
            raise OSError(
                f"{self.path}: {written} of {self._count} frames were written; is the disk full?"
            )

    def _add_audio(self) -> None:
        """Put the sound beside the pictures; their stream is copied. Failing that, say so."""
        with _complained(f"{self.path.name} has no sound"), replacing(self._partial) as muxed:
            Ffmpeg(
                self.path, "-i", self._partial, "-i", self.audio_from,
                "-map", "0:v:0", "-map", "1:a:0?",
                "-c:v", "copy", "-c:a", "aac", "-b:a", "192k", "-t", self._count / self.fps,
                "-movflags", "+faststart", muxed,
            ).wait()  # fmt: skip


@contextmanager
def _complained(loss: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        print(f"{loss}: {error}", file=sys.stderr)
