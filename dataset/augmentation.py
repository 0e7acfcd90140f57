"""One more person out of each: all frames of an episode mirrored, recoloured, reshaped alike."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from dataset.landmarks import MIRRORED

# Standard deviations at strength 1.
STRETCH, SHEAR, TURN, SHIFT = 0.07, 0.05, 0.06, 0.03  # shares, shares, radians, sides of the frame
BEND = 0.012  # of the side: how far the control points of the smooth warp move
CONTROL = 5  # control points along each side
BRIGHTNESS, CONTRAST, SATURATION, HUE, CHANNEL = 0.08, 0.15, 0.25, 0.2, 0.06  # HUE in radians
LIMIT = 2.0  # standard deviations; no draw lies beyond
INVERSIONS = 5  # steps of the fixed-point search for where a point goes
LUMA = np.array([0.299, 0.587, 0.114])


class Augmentation(NamedTuple):
    """A change of face, skin and side that keeps pose and expression.

    Drawn once for an episode and applied to all its K + 1 frames, so that it acts as a person
    whom the data do not hold. The paper has none.
    """

    mirrored: bool
    colors: np.ndarray
    """(3, 4): RGB in 0..1 and 1 to RGB."""
    matrix: np.ndarray
    """(2, 2): from the new frame to the old one, about the middle."""
    shift: np.ndarray
    """(2,) in sides of the frame."""
    bends: np.ndarray
    """(CONTROL, CONTROL, 2) in sides of the frame: added to where a new pixel is read."""

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: float) -> "Augmentation":
        """Draw one.

        Args:
            strength: 0: only the mirror; 1: as far as faces still look like faces.
        """

        def normal(*shape: int) -> np.ndarray:
            return strength * rng.standard_normal(shape).clip(-LIMIT, LIMIT)

        stretch, (turn, shear) = STRETCH * normal(2), np.array([TURN, SHEAR]) * normal(2)
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        matrix = rotation @ np.array([[1, shear], [0, 1]]) @ np.diag(np.exp(stretch))
        return cls(
            bool(rng.random() < 0.5), _draw_colors(normal), matrix, SHIFT * normal(2),
            BEND * normal(CONTROL, CONTROL, 2),
        )  # fmt: skip

    def apply(
        self, frames: Sequence[np.ndarray], landmarks: np.ndarray
    ) -> tuple[list[np.ndarray], np.ndarray]:
        """Change frames and their landmarks together.

        Args:
            frames: (S, S, 3) uint8 RGB each.
            landmarks: (F, 68, 2) pixels of them.

        Returns:
            Both, of the same shapes and types.
        """
        size = len(frames[0])
        places = self._read_from(size)
        if self.mirrored:
            places[..., 0] = size - 1 - places[..., 0]
            landmarks = np.stack([size - 1 - landmarks[..., 0], landmarks[..., 1]], -1)[:, MIRRORED]
        moved = self._moved(landmarks.reshape(-1, 2), size).reshape(landmarks.shape)
        changed = [
            cv2.remap(frame, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
            for frame in frames
        ]
        return [self._recolor(frame) for frame in changed], moved.astype(np.float32)

    def _read_from(self, size: int) -> np.ndarray:
        """Return where each pixel of the new frame is read in the old one: (S, S, 2) float32."""
        middle = (size - 1) / 2
        axis = np.arange(size)
        grid = np.stack(np.meshgrid(axis, axis), -1)
        straight = (grid - middle) @ self.matrix.T + middle + self.shift * size
        weights = _weights(axis, size)
        bend = size * np.einsum("yb,xa,bac->yxc", weights, weights, self.bends, optimize=True)
        return (straight + bend).astype(np.float32)

    def _bend(self, points: np.ndarray, size: int) -> np.ndarray:
        """Interpolate the smooth warp at points (N, 2) of the new frame."""
        x, y = (_weights(axis, size) for axis in points.T)
        return size * np.einsum("nb,na,bac->nc", y, x, self.bends)

    def _moved(self, landmarks: np.ndarray, size: int) -> np.ndarray:
        """Return the points of the new frame that are read from `landmarks` of the old one."""
        middle = (size - 1) / 2
        inverse = np.linalg.inv(self.matrix).T
        points = np.asarray(landmarks, np.float64)
        for _ in range(INVERSIONS):  # the bend is small, so this converges quickly
            bend = self._bend(points, size)
            points = (landmarks - bend - middle - self.shift * size) @ inverse + middle
        return points

    def _recolor(self, frame: np.ndarray) -> np.ndarray:
        matrix = self.colors.copy()
        matrix[:, 3] *= 255
        return cv2.transform(frame, matrix)  # rounds, and cuts off what lies outside 0..255


def _draw_colors(normal: Callable[[int], np.ndarray]) -> np.ndarray:
    """Draw a change of hue, saturation, contrast, brightness and of single channels."""
    turn, saturation, contrast = np.array([HUE, SATURATION, CONTRAST]) * normal(3)
    grey = np.tile(LUMA, (3, 1))
    # A turn about the grey axis (Rodrigues' formula) keeps greys grey.
    axis = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    hue = np.eye(3) + np.sin(turn) * axis + (1 - np.cos(turn)) * axis @ axis
    colors = grey + np.exp(saturation) * (np.eye(3) - grey)
    colors = np.exp(contrast) * np.diag(np.exp(CHANNEL * normal(3))) @ colors @ hue
    offset = 0.5 - colors @ np.full(3, 0.5) + BRIGHTNESS * normal(1)
    return np.concatenate([colors, offset[:, None]], 1)


def _weights(places: np.ndarray, size: int) -> np.ndarray:
    """Return the share of each control point at places (N,) along a side: (N, CONTROL)."""
    at = np.clip(places / (size - 1), 0, 1) * (CONTROL - 1)
    weights = _spline(at[:, None] - np.arange(CONTROL))
    return weights / weights.sum(-1, keepdims=True)


def _spline(t: np.ndarray) -> np.ndarray:
    """Return the cubic B-spline at distances from its control point."""
    t = np.abs(t)
    near, far = 2 / 3 - t**2 + t**3 / 2, np.clip(2 - t, 0, None) ** 3 / 6
    return np.where(t < 1, near, far)
