"""Write a video or pictures, whole or not at all."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from dataset.video.encoders import ENCODERS, open_encoder
from dataset.video.sound import Sound
from system.files import replacing, replacing_folder

WRITABLE = tuple(suffix for suffix in ENCODERS if suffix)


class VideoWriter:
    """Write frames to a video that appears whole, or not at all, when the block ends.

    The suffix decides: .mp4 and .mov have H.264 and AAC, .webm has VP9 and Opus; .gif and .webp
    are moving pictures without sound; without a suffix it is a folder of PNG.

    Args:
        path: what to write.
        fps: frames per second.
        sound: is added where the kind of file has sound, and lasts as long as the frames.

    Raises:
        ValueError: another suffix, a rate that is not positive, frames of different sizes, none.
        FileNotFoundError: the file of the sound does not exist.
        OSError: it cannot be written, for instance on a full disk.
    """

    def __init__(self, path: Path, fps: float, sound: Sound | None = None):
        self.path, self.fps, self.sound = Path(path), fps, sound
        if self.path.suffix.lower() not in ENCODERS:
            raise ValueError(
                f"{path} must end in {', '.join(WRITABLE)}, or be a folder of PNG without a suffix"
            )
        if not 0 < fps < 1000:
            raise ValueError(f"{path}: frames per second must lie between 0 and 1000, got {fps}")
        if sound and not sound.path.is_file():
            raise FileNotFoundError(f"{sound.path} does not exist or is no file")

    def __enter__(self) -> "VideoWriter":
        self._count, self._shape, self._encoder = 0, None, None
        self._session = self._open_session()
        self._session.__enter__()
        return self

    def __exit__(self, *error) -> bool | None:
        return self._session.__exit__(*error)

    def write(self, frame: np.ndarray, times: int = 1) -> None:
        """Add a frame (H, W, 3) uint8 RGB, so many times; all must have the size of the first."""
        if self._shape is None:
            self._shape = frame.shape
            height, width = frame.shape[:2]
            with self._named_errors():
                self._encoder = open_encoder(self._partial, self.fps, width, height, self.sound)
        if frame.shape != self._shape or frame.dtype != np.uint8:
            raise ValueError(
                f"{self.path}: every frame must be {self._shape} uint8 like the first, "
                f"got {frame.shape} {frame.dtype}"
            )
        for _ in range(times):
            with self._named_errors():
                self._encoder.write(frame)
            self._count += 1

    @contextlib.contextmanager
    def _open_session(self) -> Iterator[None]:
        replace = replacing if self.path.suffix else replacing_folder
        with replace(self.path) as self._partial:
            try:
                yield
                if not self._count:
                    raise ValueError(f"{self.path}: no frame was written")
                with self._named_errors():
                    self._encoder.close()
            except BaseException:
                if self._encoder:
                    self._encoder.abort()
                raise

    @contextlib.contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except (av.FFmpegError, OSError) as error:
            reason = getattr(error, "strerror", None) or error
            raise OSError(f"{self.path} cannot be written: {reason}") from error
