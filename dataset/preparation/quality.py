"""Is a frame good enough to learn from? Each gate measures one thing and has a plain name.

The measures are pure functions; their thresholds come with `Gates`. What real clips give, and how
the thresholds were chosen, stands in docs/experiments/measures/gates.md.
"""

from typing import NamedTuple

import cv2
import numpy as np

from dataset.crop import face_box
from dataset.detection.following import extent, fits
from dataset.images import resize

FACE_SHARE = 0.375  # side of a tight face in a stored frame, as a share of the frame
SMALLEST_PATCH = 16  # pixels
THUMBNAIL = 48  # pixels; a blink changes a few of them by a lot
COLOUR_BINS = 8  # per channel
COLOUR_SIDE = 64  # pixels of the face whose colours are counted


class Gates(NamedTuple):
    """Thresholds; those of the least are off at 0, the most outside at 1."""

    least_face: float
    """Extent of the face in pixels of the source, as a share of the stored frame's side."""
    most_outside: float
    """Share of the landmarks that may lie outside the picture."""
    least_sharpness: float
    """See `sharpness`."""
    least_change: float
    """See `change`; frames that differ less are near-duplicates."""
    least_motion: float
    """See `motion`; a video that moves less is near-static."""
    least_likeness: float
    """See `likeness`; neighbours in time that are less alike are counted as a cut."""
    reject_cuts: bool = False
    """Refuse videos with a cut; else they are only reported."""


OPEN = Gates(0, 1, 0, 0, 0, 0)
"""Lets every face through that can be cut out at all: for pictures that a user has chosen."""


def refuse_face(landmarks: np.ndarray, frame: np.ndarray, image_size: int, gates: Gates) -> str:
    """Return why a frame cannot be used, in a few words, or nothing if it can.

    Args:
        landmarks: (68, 2), pixels of the frame; NaN where the detector found no face.
        frame: (H, W, 3) uint8 RGB.
        image_size: side of the stored frames, pixels.
        gates: thresholds.
    """
    height, width = frame.shape[:2]
    if np.isnan(landmarks).all():
        return "no face"
    if not fits(landmarks, height, width):
        return "absurd landmarks"
    if extent(landmarks) < gates.least_face * image_size:
        return "face too small"
    if outside_share(landmarks, height, width) > gates.most_outside:
        return "face partly outside"
    if gates.least_sharpness and sharpness(frame, landmarks, image_size) < gates.least_sharpness:
        return "blurred"
    return ""


def outside_share(landmarks: np.ndarray, height: int, width: int) -> float:
    """Return which share of the landmarks (68, 2) lies outside the picture."""
    x, y = landmarks.T
    outside = (x < -0.5) | (y < -0.5) | (x >= width - 0.5) | (y >= height - 0.5)
    return float(outside.mean())


def sharpness(frame: np.ndarray, landmarks: np.ndarray, image_size: int) -> float:
    """Measure how much fine detail a face has at the size at which it is stored.

    The variance of the Laplacian over the variance of the grey values, so that a face in poor
    light is not taken for a blurred one.

    Args:
        frame: (H, W, 3) uint8 RGB.
        landmarks: (68, 2) of the face, pixels, at least partly inside.
        image_size: side of the stored frames, pixels.
    """
    height, width = frame.shape[:2]
    left, top = np.clip(np.floor(landmarks.min(0)), 0, [width - 1, height - 1]).astype(int)
    right, bottom = np.clip(np.ceil(landmarks.max(0)), 0, [width - 1, height - 1]).astype(int)
    face = cv2.cvtColor(frame[top : bottom + 1, left : right + 1], cv2.COLOR_RGB2GRAY)
    side = max(SMALLEST_PATCH, round(FACE_SHARE * image_size))
    method = cv2.INTER_AREA if min(face.shape) > side else cv2.INTER_LINEAR
    face = cv2.resize(face, (side, side), interpolation=method).astype(np.float32)
    return float(cv2.Laplacian(face, cv2.CV_32F).var() / max(face.var(), 1.0))


def thumbnail(frame: np.ndarray) -> np.ndarray:
    """Shrink a frame (H, W, 3) to (48, 48) int16 grey values, for `change`."""
    small = cv2.resize(frame, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.int16)


def change(one: np.ndarray, other: np.ndarray) -> float:
    """Return the greatest difference of two thumbnails, grey values of 255."""
    return float(np.abs(one - other).max())


def motion(landmarks: np.ndarray) -> float:
    """Return how far the points of a face move, as a share of its extent.

    Args:
        landmarks: (F, 68, 2) finite, pixels of the source.
    """
    spread = np.sqrt(landmarks.var(0).sum(1)).mean()  # of each point around its mean place
    return float(spread / np.median([extent(face) for face in landmarks]))


def colours(frame: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Return the share of each of 8 x 8 x 8 colours in the square around a face.

    Args:
        frame: (H, W, 3) uint8 RGB.
        landmarks: (68, 2), pixels; their centre lies in the picture.
    """
    left, top, side = face_box(landmarks)
    rows = slice(max(round(top), 0), round(top + side))
    columns = slice(max(round(left), 0), round(left + side))
    square = resize(frame[rows, columns], COLOUR_SIDE)
    counts = cv2.calcHist([square], [0, 1, 2], None, [COLOUR_BINS] * 3, [0, 256] * 3)
    return counts / counts.sum()


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Compare the colours of two faces: 1 for the same, 0 for none in common.

    The Bhattacharyya coefficient. A face that moves keeps it high; after a cut to another person
    or scene it is low in most cases, but similar people before one wall are not told apart.
    """
    return float(np.sqrt(one * other).sum())
