"""Pictures of a person as programs have them: paths, arrays, or Pillow's images."""

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from dataset.images import write_image
from dataset.photos import frame_of

Picture = str | Path | np.ndarray | Image.Image


@contextlib.contextmanager
def on_disk(pictures: Picture | Sequence[Picture]) -> Iterator[Path | list[Path]]:
    """Name the files of pictures; those without one get one, for as long as the block lasts.

    Args:
        pictures: one or several: a path (of a photo, a film, a folder of them, or alone of a pickle
            of preprocess.py), an array (H, W, 3) uint8 RGB, or an image of Pillow.

    Raises:
        TypeError: something else.
        ValueError: an array of another shape or type.
    """
    if isinstance(pictures, str | Path):
        yield Path(pictures)
        return
    if isinstance(pictures, np.ndarray | Image.Image):
        pictures = [pictures]
    with tempfile.TemporaryDirectory() as folder:
        yield [_file(picture, number, folder) for number, picture in enumerate(pictures, 1)]


def _file(picture: Picture, number: int, folder: str) -> Path:
    if isinstance(picture, str | Path):
        return Path(picture)
    name = f"picture {number}"
    if isinstance(picture, Image.Image):
        frame = frame_of(picture)
    elif isinstance(picture, np.ndarray):
        frame = picture
    else:
        kind = type(picture).__name__
        raise TypeError(f"{name} must be a path, an array or an image of Pillow, got {kind}")
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
        raise ValueError(
            f"{name} must be an array (height, width, 3) of uint8, RGB, got {frame.shape} of "
            f"{frame.dtype}"
        )
    path = Path(folder) / f"{name}.png"
    write_image(path, frame)
    return path
