"""Write a video, whole or not at all."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from dataset.video.encoders import Ffmpeg, open_encoder
from dataset.video.reading import probe
from system.files import replacing

WRITABLE = (".mp4", ".mov")


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

    @contextlib.contextmanager
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


@contextlib.contextmanager
def _complained(loss: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        print(f"{loss}: {error}", file=sys.stderr)
