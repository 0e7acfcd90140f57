"""What a landmark detector is, and what all kinds of them share."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol

import cv2
import numpy as np

from dataset.landmarks import POINTS

LARGEST_SIDE = 1280  # pixels; larger frames are shrunk, the alignment network sees 256 of a face

Frames = Sequence[np.ndarray]
Places = Sequence[tuple[Path, int]]
Near = Sequence[np.ndarray | None]
Which = Literal["largest", "left", "right"] | int


class LandmarksError(ValueError):
    """The landmarks of a video or photo cannot be had."""


class LandmarkDetector(Protocol):
    """Finds the 68 landmarks of one face in each frame."""

    name: str
    """As create_detector knows it; records state it."""

    def detect(self, frames: Frames, places: Places, near: Near) -> np.ndarray:
        """Return (N, 68, 2) float32 landmarks in pixels of each frame, all NaN where there is no
        face.

        Args:
            frames: N of them, (H, W, 3) uint8 RGB; their sizes may differ.
            places: the video or photo that each frame is of, and its index in that, from 0.
            near: for each frame (68, 2) landmarks seen shortly before or after, or None; of
                several faces the one that overlaps them most is taken. Without them, or if none
                overlaps: the largest, or the one that the detector was made to take.

        Raises:
            LandmarksError: the landmarks of such a file cannot be had at all.
        """


def choose_face(
    faces: list[np.ndarray], near: np.ndarray | None, which: Which = "largest"
) -> np.ndarray:
    """Return the face that overlaps `near` most, else the one that is asked for, else NaN.

    Args:
        faces: (68, 2) landmarks each.
        near: (68, 2) landmarks of the face to follow, or None.
        which: of several faces: the largest, the left or right one in the picture, or the N-th
            from the left, from 1.
    """
    none = np.full((POINTS, 2), np.nan, np.float32)
    if not faces:
        return none
    overlaps = [0.0 if near is None else overlap(face, near) for face in faces]
    if max(overlaps) > 0:
        return faces[int(np.argmax(overlaps))].astype(np.float32)
    if which == "largest":
        best = max(faces, key=lambda face: np.prod(np.ptp(face, axis=0)))
        return best.astype(np.float32)
    ordered = sorted(faces, key=lambda face: face[:, 0].mean())
    number = {"left": 0, "right": len(faces) - 1}[which] if isinstance(which, str) else which - 1
    return ordered[number].astype(np.float32) if number < len(faces) else none


def overlap(face: np.ndarray, other: np.ndarray) -> float:
    """Return intersection over union of the boxes around two faces."""
    low = np.maximum(face.min(0), other.min(0))
    high = np.minimum(face.max(0), other.max(0))
    shared = np.prod(np.clip(high - low, 0, None))
    union = np.prod(np.ptp(face, axis=0)) + np.prod(np.ptp(other, axis=0)) - shared
    return float(shared / union) if union > 0 else 0.0


def detect_small(
    detect: Callable[[Frames, Places, Near], np.ndarray],
    frames: Frames,
    places: Places,
    near: Near,
) -> np.ndarray:
    """Call `detect` with frames that are shrunk to LARGEST_SIDE, in pixels of which it sees and
    finds landmarks; take and return them as `LandmarkDetector.detect` does."""
    smaller = [_shrunk(frame) for frame in frames]
    pairs = list(zip(frames, smaller, strict=True))
    near = [
        None if points is None else _rescale(points, frame, small)
        for points, (frame, small) in zip(near, pairs, strict=True)
    ]
    found = detect(smaller, places, near)
    back = [
        _rescale(points, small, frame) for points, (frame, small) in zip(found, pairs, strict=True)
    ]
    return np.array(back, np.float32).reshape(-1, POINTS, 2)


def resized(picture: np.ndarray, scale: float) -> np.ndarray:
    """Shrink a picture (H, W, ...) by means of areas, or enlarge it; to a pixel at least."""
    height, width = picture.shape[:2]
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(np.ascontiguousarray(picture), size, interpolation=interpolation)


def _shrunk(frame: np.ndarray) -> np.ndarray:
    scale = LARGEST_SIDE / max(frame.shape[:2])
    return frame if scale >= 1 else resized(frame, scale)


def _rescale(points: np.ndarray, old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Bring points from pixels of one frame into those of the same frame in another size."""
    if new.shape == old.shape:
        return points
    ratio = np.divide(new.shape[1::-1], old.shape[1::-1])
    return (points + 0.5) * ratio - 0.5
