"""The moving face put back into the picture from which its square was cut."""

import functools
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from dataset.crop import Box, face_box, whole_box
from dataset.detection.detector import LandmarkDetector
from dataset.detection.following import fits
from dataset.images import read_image

SOFT_EDGE = 0.18  # of the square's side, over which the generated picture fades in
LARGEST_SIDE = 1280  # pixels of a result


class Place(NamedTuple):
    """A picture, and the square in it that is exchanged."""

    picture: np.ndarray
    """(H, W, 3) uint8 RGB, its longer side 1,280 pixels at most."""
    box: Box


def place_in(picture: np.ndarray, box: Box) -> Place:
    """Take a picture (H, W, 3) uint8 RGB and a box in it; both are shrunk to the largest side."""
    height, width = picture.shape[:2]
    scale = LARGEST_SIDE / max(height, width)
    if scale >= 1:
        return Place(picture, box)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    smaller = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return Place(smaller, Box(*(scale * number for number in box)))


def find_place(path: Path, detector: LandmarkDetector, crop: str) -> Place:
    """Find the face in a person's picture, and the square that training would have cut out.

    Args:
        path: of the picture.
        detector: finds the landmarks.
        crop: whole or face.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no picture, or shows no face.
    """
    picture = read_image(path)
    height, width = picture.shape[:2]
    (landmarks,) = detector.detect([picture], [(Path(path), 0)], [None])
    if not fits(landmarks, height, width):
        raise ValueError(f"--paste-back {path} shows no face")
    return place_in(picture, whole_box(height, width) if crop == "whole" else face_box(landmarks))


def paste_back(face: np.ndarray, place: Place) -> np.ndarray:
    """Put a generated square where it was cut out, with a soft edge and its colours as they are.

    Args:
        face: (S, S, 3) uint8 RGB, as the network draws it.
        place: where; the square may reach outside its picture, which stays as it is.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    picture = place.picture
    height, width = picture.shape[:2]
    left, top, side = round(place.box.left), round(place.box.top), max(round(place.box.size), 1)
    first_row, last_row = max(top, 0), min(top + side, height)
    first_column, last_column = max(left, 0), min(left + side, width)
    rows, columns = slice(first_row, last_row), slice(first_column, last_column)
    inside = (
        slice(first_row - top, last_row - top),
        slice(first_column - left, last_column - left),
    )
    method = cv2.INTER_AREA if side < len(face) else cv2.INTER_CUBIC
    square = cv2.resize(face, (side, side), interpolation=method)[inside].astype(np.float32)
    at_edge = (top <= 0, left <= 0, top + side >= height, left + side >= width)
    share = _share(side, *at_edge)[inside][..., None]
    result = picture.copy()
    behind = picture[rows, columns]
    result[rows, columns] = np.rint(behind + (square - behind) * share).astype(np.uint8)
    return result


@functools.lru_cache(maxsize=4)
def _share(side: int, top: bool, left: bool, bottom: bool, right: bool) -> np.ndarray:
    """Return the share of the square at each pixel, (side, side): 0 at its edges, 1 inside.

    Where the square reaches the picture's own edge there is nothing to fade into.
    """
    steps = (np.arange(side, dtype=np.float32) + 0.5) / (SOFT_EDGE * side)
    rising = np.clip(steps, 0, 1)
    rising = rising * rising * (3 - 2 * rising)  # without a crease where it begins and ends
    falling, whole = rising[::-1], np.ones(side, np.float32)
    rows = (whole if top else rising) * (whole if bottom else falling)
    columns = (whole if left else rising) * (whole if right else falling)
    return rows[:, None] * columns[None]
