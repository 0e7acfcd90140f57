"""The square cut out of a frame: where it lies, and cutting frame and landmarks together."""

from typing import NamedTuple

import cv2
import numpy as np

from dataset.images import resize
from dataset.landmarks import POINTS, are_faces

# Source: Sec. 4.2 of the reference specification; sizes of the authors' face crop.
RIGHT_EYE, LEFT_EYE = slice(36, 42), slice(42, 48)
MOUTH_CORNERS = [48, 54]
EYES_TO_SIDE, MOUTH_TO_SIDE = 2.0, 1.8
TOWARDS_MOUTH = 0.1
BORDER, LEAST_BORDER = 0.1, 3
FIRST_ROW, FIRST_COLUMN = 0.2, 0.1  # what is kept of it: rows from 20 %, columns 10 % to 90 %
KEPT = 0.8
BLUR = 0.02
LARGEST = 8  # sides of the picture; beyond that the landmarks are nonsense


class Box(NamedTuple):
    """A square of a picture, measured from the outer corner of its first pixel.

    Pixel i covers i to i + 1 here, so the whole of an n x n picture is Box(0, 0, n); landmarks,
    which count from the pixel's centre, are 0.5 less.
    """

    left: float
    top: float
    size: float


def face_box(landmarks: np.ndarray) -> Box:
    """Return the square around one face, as the authors' crops have it.

    Args:
        landmarks: (68, 2) finite, pixels.

    Raises:
        ValueError: another shape, not finite, or eyes and mouth in one place.

    Source: Sec. 4.2 of the reference specification, steps 1 and 2 as one box.
    """
    points = np.asarray(landmarks, np.float64)
    if points.shape != (POINTS, 2) or not np.isfinite(points).all():
        raise ValueError(f"a face box needs finite landmarks ({POINTS}, 2), got {points.shape}")
    right, left = points[RIGHT_EYE].mean(0), points[LEFT_EYE].mean(0)
    eyes, mouth = (right + left) / 2, points[MOUTH_CORNERS].mean(0)
    across, down = left - right, mouth - eyes
    # The direction from eye to eye, averaged with the one that is square to eyes and mouth.
    side = across - _turned(down)
    if np.hypot(*side) < 1e-6:
        raise ValueError("a face box needs eyes and mouth apart, the landmarks lie in one place")
    side *= max(EYES_TO_SIDE * np.hypot(*across), MOUTH_TO_SIDE * np.hypot(*down)) / np.hypot(*side)
    center = eyes + TOWARDS_MOUTH * down
    border = max(round(BORDER * 2 * np.hypot(*side)), LEAST_BORDER)
    half = np.abs(side).sum() + border  # the upright square around the turned one
    x, y = center - half + 0.5
    return Box(
        float(x + FIRST_COLUMN * 2 * half),
        float(y + FIRST_ROW * 2 * half),
        float(KEPT * 2 * half),
    )


def clip_box(landmarks: np.ndarray) -> Box:
    """Return one box for a clip, around the median face, so that the head's motion is kept.

    Args:
        landmarks: (F, 68, 2), pixels; what is no face, NaN or all in one place, is left out.

    Raises:
        ValueError: no face is left.
    """
    landmarks = np.asarray(landmarks)
    found = landmarks[are_faces(landmarks)]
    if not len(found):
        raise ValueError(f"a clip's box needs a face, none of {len(landmarks)} frames has one")
    return face_box(np.median(found, 0))


def whole_box(height: int, width: int) -> Box:
    """Return the largest square in the middle of a picture."""
    size = min(height, width)
    return Box((width - size) // 2, (height - size) // 2, size)


def resolve_crop(crop: str, kind: str) -> str:
    """Turn auto into whole, for VoxCeleb's clips (they are face crops), or face, for all else.

    Args:
        crop: auto, whole or face.
        kind: of a `SourceVideo`.

    Raises:
        ValueError: another `crop`.
    """
    if crop not in ("auto", "whole", "face"):
        raise ValueError(f"--crop must be auto, whole or face, got {crop!r}")
    if crop == "auto":
        return "whole" if kind == "voxceleb" else "face"
    return crop


def crop(
    frame: np.ndarray, landmarks: np.ndarray, box: Box, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a box out of a frame and scale it, and the landmarks with it.

    The box is rounded to whole pixels, so that a box of `size` pixels is copied as it is. Outside
    the picture its reflection is seen, blurred, and fading to the picture's median colour.

    Args:
        frame: (H, W, 3) uint8 RGB.
        landmarks: (..., 2), pixels of the frame.
        box: square; it may reach outside the picture.
        size: side of the result, pixels.

    Returns:
        frame (size, size, 3) uint8, landmarks (..., 2) float32 in its pixels.

    Raises:
        ValueError: the box lies outside the picture or is far larger than it.

    Source: Sec. 4.2 of the reference specification.
    """
    left, top, side = round(box.left), round(box.top), max(round(box.size), 1)
    square = resize(_cut(frame, left, top, side), size)
    corner = np.array([left, top], np.float64)
    moved = (np.asarray(landmarks, np.float64) + 0.5 - corner) * (size / side) - 0.5
    return np.ascontiguousarray(square), moved.astype(np.float32)


def _turned(vector: np.ndarray) -> np.ndarray:
    """Turn a vector by a quarter: (x, y) to (-y, x)."""
    return np.array([-vector[1], vector[0]])


def _cut(frame: np.ndarray, left: int, top: int, side: int) -> np.ndarray:
    """Cut out a square of whole pixels, inventing what lies outside the picture."""
    height, width = frame.shape[:2]
    right, bottom = left + side, top + side
    if side > LARGEST * max(height, width) or min(right, bottom, width - left, height - top) <= 0:
        raise ValueError(
            f"a box of {side} pixels at ({left}, {top}) does not fit a picture of "
            f"{width} x {height}: are these its landmarks?"
        )
    beyond = [max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0)]
    inside = frame[max(top, 0) : bottom, max(left, 0) : right]
    if not any(beyond):
        return inside
    padded = cv2.copyMakeBorder(inside, *beyond, cv2.BORDER_REFLECT).astype(np.float32)
    outside = _distance_outside(side, beyond)[..., None]  # (side, side, 1)
    blurred = cv2.GaussianBlur(padded, (0, 0), max(BLUR * side, 0.5))
    padded += (blurred - padded) * np.clip(3 * outside, 0, 1)
    padded += (np.median(frame, axis=(0, 1)).astype(np.float32) - padded) * outside
    return np.rint(padded).clip(0, 255).astype(np.uint8)


def _distance_outside(side: int, beyond: list[int]) -> np.ndarray:
    """Return how far outside the picture each pixel lies: 0 inside, to 1 at the square's edge."""
    steps = np.arange(side, dtype=np.float32)
    above, below, before, after = (
        np.clip((count - steps) / max(count, 1), 0, 1) for count in beyond
    )
    rows = np.maximum(above, below[::-1])
    columns = np.maximum(before, after[::-1])
    return np.maximum(rows[:, None], columns[None])
