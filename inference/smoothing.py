"""Steadier landmarks: the One Euro filter."""

import math
from collections.abc import Iterable, Iterator

import numpy as np

from inference.driver import DrivingFrame
from inference.retarget import face_size

# At strength 1; at half of it all are twice as high. Chosen on drawn motion, so that a blink or a
# closing lip comes less than a frame late at 25 frames/s: docs/experiments/measures/smoothing.md.
CUTOFF_AT_REST = 0.3  # Hz
CUTOFF_BY_SPEED = 10.0  # Hz more for each face size that a point moves in a second
SPEED_CUTOFF = 3.0  # Hz, of the speed's own filter; whatever the strength


class OneEuroFilter:
    """Low-pass filter of landmarks that opens for a point as it moves: steady rest, no late blink.

    Args:
        strength: above 0 to 1; the cutoffs are those above, divided by it.

    Raises:
        ValueError: `strength` is out of range.

    Source: Casiez, Roussel and Vogel 2012, "1 Euro Filter: A Simple Speed-based Low-pass Filter for
    Noisy Input in Interactive Systems". Speeds are lengths, in face sizes (`face_size`) a second.
    """

    def __init__(self, strength: float):
        if not 0 < strength <= 1:
            raise ValueError(f"the strength of smoothing must be above 0 to 1, got {strength}")
        self.strength = strength
        self._seen: np.ndarray | None = None
        self._smooth: np.ndarray | None = None
        self._velocity: np.ndarray | float = 0.0

    def __call__(self, landmarks: np.ndarray, seconds: float) -> np.ndarray:
        """Smooth the next landmarks.

        Args:
            landmarks: (68, 2), finite, pixels.
            seconds: since the ones before, above 0; the first ones' do not count.

        Returns:
            (68, 2) float32.
        """
        points = np.asarray(landmarks, np.float64)
        if self._seen is None:
            self._smooth = points
        else:
            velocity = (points - self._seen) / (seconds * face_size(points))
            self._velocity += _share(SPEED_CUTOFF, seconds) * (velocity - self._velocity)
            speed = np.linalg.norm(self._velocity, axis=-1, keepdims=True)  # (68, 1)
            cutoff = (CUTOFF_AT_REST + CUTOFF_BY_SPEED * speed) / self.strength
            self._smooth = self._smooth + _share(cutoff, seconds) * (points - self._smooth)
        self._seen = points
        return self._smooth.astype(np.float32)


def smoothed(
    driving: Iterable[DrivingFrame], strength: float, fps: float
) -> Iterator[DrivingFrame]:
    """Pass a driver's moments on with smoother landmarks.

    Args:
        strength: 0 (as they are) to 1.
        fps: frames per second of the result, of which a moment lasts `repeats`; those of a camera
            last until the next was taken.

    Raises:
        ValueError: `strength` is out of range.
    """
    if strength == 0:
        yield from driving
        return
    smooth, seconds, taken = OneEuroFilter(strength), 1 / fps, None
    for moment in driving:
        if moment.taken is not None and taken is not None:
            seconds = moment.taken - taken
        yield moment._replace(landmarks=smooth(moment.landmarks, seconds))
        seconds, taken = moment.repeats / fps, moment.taken


def _share(cutoff: np.ndarray | float, seconds: float) -> np.ndarray | float:
    """Return the part of what is new that a low-pass filter of `cutoff` Hz lets through."""
    return 1 / (1 + 1 / (2 * math.pi * cutoff * seconds))
