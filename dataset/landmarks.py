"""The 68-point face convention: groups, colours, and the landmark image that networks see."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

POINTS = 68
THICKNESS = 2 / 256  # of the image's side: 2 pixels at 256, 1 at 64 and 128
FRACTION = 4  # binary digits of smooth lines' ends: small faces need more than whole pixels


class Part(NamedTuple):
    """A run of consecutive landmarks that is drawn as one line."""

    name: str
    start: int
    stop: int
    closed: bool
    color: tuple[int, int, int]

    @property
    def indices(self) -> slice:
        return slice(self.start, self.stop)


# Source: Sec. 4.3 of the reference specification (colours of the authors' later code), RGB.
PARTS = (
    Part("face oval", 0, 17, False, (255, 255, 255)),
    Part("right brow", 17, 22, False, (255, 0, 0)),
    Part("left brow", 22, 27, False, (0, 255, 0)),
    Part("nose bridge", 27, 31, False, (0, 0, 255)),
    Part("nostrils", 31, 36, False, (0, 0, 255)),
    Part("right eye", 36, 42, True, (255, 0, 255)),
    Part("left eye", 42, 48, True, (0, 255, 255)),
    Part("outer lips", 48, 60, True, (255, 255, 0)),
    Part("inner lips", 60, 68, True, (255, 255, 0)),
)

# Point i of a mirrored face is point MIRRORED[i] of the face itself: right and left change places.
MIRRORED = np.array([
    *range(16, -1, -1),  # oval
    *range(26, 16, -1),  # brows
    *range(27, 31), *range(35, 30, -1),  # nose
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,  # eyes
    *range(54, 47, -1), *range(59, 54, -1),  # outer lips
    *range(64, 59, -1), *range(67, 64, -1),  # inner lips
])  # fmt: skip


def draw_landmarks(landmarks: np.ndarray, size: int, inner_lips: bool = True) -> np.ndarray:
    """Draw the landmark image ("stickman", y in the paper) of one face.

    Args:
        landmarks: (68, 2) finite (x, y) in pixels of the square frame; points may lie outside.
        size: side of the square image in pixels.
        inner_lips: draw points 60-67 too; without them an open mouth is ambiguous.

    Returns:
        (size, size, 3) uint8 RGB: coloured lines on black, 2 pixels thick at 256.

    Raises:
        ValueError: `landmarks` is not (68, 2) or not finite.

    Source: Sec. 3 of the paper. Differs from the paper: the inner lips are drawn, and
    small images get thinner lines, which would fill eyes and mouth otherwise.
    """
    landmarks = np.asarray(landmarks)
    if landmarks.shape != (POINTS, 2):
        raise ValueError(f"landmarks must have shape ({POINTS}, 2), got {landmarks.shape}")
    if not np.isfinite(landmarks).all():
        raise ValueError("landmarks must be finite, got NaN or infinity")
    canvas = np.zeros((size, size, 3), np.uint8)
    thickness = max(1, round(THICKNESS * size))
    # Far points are drawn no further out than this: OpenCV's integers would wrap around.
    points = np.clip(np.rint(landmarks), -8 * size, 8 * size).astype(np.int32)
    parts = [part for part in PARTS if inner_lips or part.name != "inner lips"]
    _draw_lines(canvas, points, parts, thickness, cv2.LINE_8)
    return canvas


def draw_over(frame: np.ndarray, landmarks: np.ndarray) -> None:
    """Draw landmarks onto a frame in thin smooth lines, for people to look at.

    Args:
        frame: (S, S, 3) uint8 RGB, contiguous; is changed.
        landmarks: (68, 2) finite, pixels of the frame; points may lie outside.
    """
    size = len(frame)
    fixed = landmarks.clip(-size, 2 * size) * 2**FRACTION
    points = np.rint(fixed).astype(np.int32)
    _draw_lines(frame, points, PARTS, 1, cv2.LINE_AA, FRACTION)


def _draw_lines(
    canvas: np.ndarray,
    points: np.ndarray,
    parts: Sequence[Part],
    thickness: int,
    kind: int,
    fraction: int = 0,
) -> None:
    for part in parts:
        line = [points[part.indices]]
        cv2.polylines(canvas, line, part.closed, part.color, thickness, kind, fraction)
