"""Can these be the landmarks of a face in this picture, and of the one that was seen before?"""

import numpy as np

from dataset.crop import face_box

SMALLEST_EXTENT = 4.0  # pixels between the outermost landmarks; below, eyes and mouth are one
LARGEST_EXTENT = 2.0  # sides of the picture

# How far a head gets: so much of its size at once, for what a detector is off, and so much in a
# second. Between two frames of 68 real clips no face moves by more than 0.33 of its size.
AT_ONCE = 0.5
IN_A_SECOND = 4.0


def fits(landmarks: np.ndarray, height: int, width: int) -> bool:
    """Tell whether these can be the landmarks (68, 2) of a face in a picture of this size."""
    if not np.isfinite(landmarks).all():
        return False
    x, y = landmarks.mean(0)
    if not (0 <= x < width and 0 <= y < height):
        return False
    if not SMALLEST_EXTENT <= extent(landmarks) <= LARGEST_EXTENT * max(height, width):
        return False
    try:
        face_box(landmarks)
    except ValueError:  # eyes and mouth in one place
        return False
    return True


def extent(landmarks: np.ndarray) -> float:
    """Return the longer side of the box around a face (68, 2), pixels."""
    return float(np.ptp(landmarks, axis=0).max())


def jumps(before: np.ndarray, after: np.ndarray, seconds: float) -> bool:
    """Tell whether a face is further from the one before than a head moves in the time.

    Args:
        before, after: (68, 2), pixels of the same picture.
        seconds: between them.
    """
    distance = np.linalg.norm(after.mean(0) - before.mean(0))
    return bool(distance > (AT_ONCE + IN_A_SECOND * abs(seconds)) * extent(before))
