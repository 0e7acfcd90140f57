"""Pictures of one person, from whatever the user has of them."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch import Tensor

from dataset.detection.detector import LandmarkDetector
from dataset.detection.stored import LANDMARKS_SUFFIX, beside
from dataset.episodes import record_images
from dataset.images import PHOTO_SUFFIXES
from dataset.landmarks import scale_landmarks
from dataset.preparation.records import make_record
from dataset.preparation.sources import find_videos
from dataset.store import read_record
from dataset.video.reading import VIDEO_SUFFIXES
from system.outputs import Input

PICKLE = ".pkl"


class PersonImages(NamedTuple):
    """T pictures of one person, as networks see them."""

    images: Tensor
    """(T, 3, H, W) uint8."""
    landmark_images: Tensor
    """(T, 3, H, W) uint8."""
    landmarks: np.ndarray
    """(T, 68, 2) float32, pixels of the images."""
    crop: str
    """How they were cut: whole or face."""


def load_person(
    source: Path,
    detector: LandmarkDetector,
    crop: str,
    image_size: int,
    limit: int,
    seed: int = 0,
    fewest: int = 1,
) -> PersonImages:
    """Read at most `limit` pictures of one person, cut and drawn exactly as training data is.

    Args:
        source: a photo, a folder of photos, a video, or a pickle of preprocess.py.
        detector: finds the landmarks; not used for a pickle.
        crop: whole, face or auto, as in preprocess.py.
        image_size: side of the images, pixels.
        limit: pictures wanted; those of a video are spread over it.
        seed: chooses them and their order.
        fewest: fewer usable pictures are refused.

    Raises:
        FileNotFoundError: `source` does not exist.
        ValueError: it shows more than one person's videos, or too few faces.
    """
    if Path(source).suffix == PICKLE:
        record = read_record(Path(source))
    else:
        videos = find_videos(Path(source))
        if len(videos) > 1:
            raise ValueError(
                f"{source} must hold pictures of one person, it holds {len(videos)} of them"
            )
        record = make_record(
            videos[0], detector, crop=crop, image_size=image_size, frames=limit, seed=seed,
            fewest=fewest,
        )  # fmt: skip
    order = np.random.default_rng(seed).permutation(len(record.frames))
    chosen = order[:limit].tolist()
    images, drawn = record_images(record, chosen, image_size)
    landmarks = scale_landmarks(record.landmarks[chosen], record.image_size, image_size)
    return PersonImages(images, drawn, landmarks, record.crop)


def inputs_of_person(source: Path, option: str = "--source") -> list[Input]:
    """List what is read of a person, so that nothing is written over it.

    Args:
        source: as `load_person` has it; landmarks, which it reads too, may be the source as well.
        option: where the user has named it.
    """
    read = (*PHOTO_SUFFIXES, *VIDEO_SUFFIXES, LANDMARKS_SUFFIX)
    names = [] if Path(source).is_dir() else beside(Path(source))
    return [
        Input(option, Path(source), read),
        *(Input(f"{name.name} beside {option}", name) for name in names),
    ]
