"""The one face that is followed through a driver's frames."""

import numpy as np

from dataset.detection.following import fits, jumps
from dataset.landmarks import are_faces


class Track:
    """The face that is followed, and since when it is lost.

    Args:
        first: its landmarks (68, 2), pixels of the frames.
        seen: when, seconds; None: before the first frame.
    """

    def __init__(self, first: np.ndarray, seen: float | None = None):
        self.last, self._seen = first, seen

    def follow(self, found: np.ndarray, frame: np.ndarray, time: float) -> bool:
        """Take what was found if it is the same face; else keep the one before."""
        if not are_faces(found) or not fits(found, *frame.shape[:2]):
            return False
        if self._seen is not None and jumps(self.last, found, time - self._seen):
            return False
        self.last, self._seen = found, time
        return True
