"""Pictures of a person: as programs have them, and as a head is made from them."""

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from dataset.detection.detector import Which
from dataset.detection.kinds import create_detector
from dataset.images import write_image
from dataset.photos import frame_of
from dataset.preparation.person import PersonFrames, is_record, load_person
from training.provenance import warn_of_other_detectors

Picture = str | Path | np.ndarray | Image.Image
Pictures = Picture | Sequence[Picture]


class Model(NamedTuple):
    """What pictures are read for."""

    name: str
    """As the user has named it."""
    image_size: int
    """Side of its frames, pixels."""
    detectors: tuple[str, ...]
    """Whose landmarks it has learnt."""
    device: str
    """Where it computes."""


def frames_for(
    model: Model,
    pictures: Pictures,
    limit: int,
    *,
    detector: str,
    face: Which,
    crop: str,
    seed: int,
) -> PersonFrames:
    """Read at most `limit` pictures of one person, as the model is to see them.

    The other arguments and the errors are those of `TalkingHead.from_pictures`.
    """
    with on_disk(pictures) as files:
        finder = None if is_record(files) else create_detector(detector, model.device, face=face)
        person = load_person(files, finder, crop, model.image_size, limit, seed)
    what = f"--source {pictures}" if isinstance(pictures, str | Path) else "the pictures"
    warn_of_other_detectors(what, [person.detector], model.name, model.detectors)
    return person


@contextlib.contextmanager
def on_disk(pictures: Pictures) -> Iterator[Path | list[Path]]:
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
