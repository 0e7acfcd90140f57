"""What a driver is: the motion that a person is animated with."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dataset.crop import Box, clip_box
from dataset.landmarks import are_faces
from dataset.video.sound import Sound

FIRST_SECOND = 25  # frames that decide where the face is


class DrivingFrame(NamedTuple):
    """One moment of the driver, cut as the networks want it."""

    frame: np.ndarray | None
    """(size, size, 3) uint8 RGB; None where only landmarks are known."""
    landmarks: np.ndarray
    """(68, 2) float32, finite, pixels of the frame."""
    repeats: int = 1
    """Frames of the result that show it, at least 1; of a camera also 0."""
    whole: np.ndarray | None = None
    """The driver's frame (H, W, 3) uint8 RGB out of which `frame` was cut; None as there."""
    box: Box | None = None
    """Where it was cut out."""
    taken: float | None = None
    """When a camera took it, `time.monotonic` seconds."""


class Driving:
    """A driver's motion, from its first frame to its last; it may be walked through repeatedly.

    The square is the same in all frames. Frames without a face get the landmarks before, or at
    the start those of the first face, so no moment is lost.
    """

    path: Path
    fps: float
    """Frames per second of the result."""
    length: int | None
    """Frames of the result; a damaged driver may end earlier. None: it does not end by itself."""
    missing: int = 0
    """Frames of the driver without its face, counted while they go by."""
    read: int = 0
    """Frames of the driver, counted while they go by."""
    stated: int = 0
    """Frames that the driver's file tells of."""
    sound: Sound | None = None
    """What is heard with the motion."""

    def __iter__(self) -> Iterator[DrivingFrame]:
        raise NotImplementedError


def first_face(landmarks: np.ndarray, path: Path) -> np.ndarray:
    """Return the first face (68, 2) of landmarks (F, 68, 2); ValueError where there is none."""
    found = are_faces(landmarks)
    if not found.any():
        raise ValueError(f"{path} shows no face in any of its {len(landmarks)} frames")
    return landmarks[found.argmax()]


def clip_square(landmarks: np.ndarray, path: Path) -> Box:
    """Return the box around a clip's face; ValueError, with the path, where there is none."""
    try:
        return clip_box(landmarks)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
