"""The 68-point face convention: groups, colours, and the landmark image that networks see."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from dataset.images import resize

POINTS = 68
DRAWN_SIZE = 256  # smaller landmark images are reduced from this size, the paper's
THICKNESS = 2 / DRAWN_SIZE  # of the drawn image's side
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
        (size, size, 3) uint8 RGB: coloured lines on black, 2 pixels thick at 256. Smaller images
        are drawn at 256 and reduced by area, so that their lines say more than whole pixels can:
        at 64 an eye is two pixels high.

    Raises:
        ValueError: `landmarks` is not (68, 2) or not finite.

    Source: Sec. 3 of the paper. Differs from the paper: the inner lips are drawn.
    """
    landmarks = np.asarray(landmarks, np.float64)
    if landmarks.shape != (POINTS, 2):
        raise ValueError(f"landmarks must have shape ({POINTS}, 2), got {landmarks.shape}")
    if not np.isfinite(landmarks).all():
        raise ValueError("landmarks must be finite, got NaN or infinity")
    side = max(size, DRAWN_SIZE)
    canvas = np.zeros((side, side, 3), np.uint8)
    # Far points are drawn no further out than this: OpenCV's integers would wrap around.
    points = scale_landmarks(landmarks, size, side).clip(-8 * side, 8 * side)
    parts = [part for part in PARTS if inner_lips or part.name != "inner lips"]
    thickness = round(THICKNESS * side)
    _draw_lines(canvas, np.rint(points).astype(np.int32), parts, thickness, cv2.LINE_8)
    return resize(canvas, size)


def are_faces(landmarks: np.ndarray) -> np.ndarray:
    """Tell which landmarks (..., 68, 2) are a face's: finite, and not all in one place: (...) bool.

    Files that know no NaN have zeros where no face was found.
    """
    finite = np.isfinite(landmarks).all((-2, -1))
    return finite & (landmarks.max(-2) != landmarks.min(-2)).any(-1)


def scale_landmarks(landmarks: np.ndarray, size: int, new_size: int) -> np.ndarray:
    """Scale landmarks (..., 2) of a frame of `size` pixels to one of `new_size`."""
    return (landmarks + 0.5) * (new_size / size) - 0.5


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
