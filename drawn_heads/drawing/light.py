"""Light on drawn surfaces: diffuse light, the key light's part of it, rims, shine."""

from typing import NamedTuple

import numpy as np

from drawn_heads.scenes import Light

LUMINANCE = np.array([0.3, 0.6, 0.1], np.float32)


class Shading(NamedTuple):
    """Light on the points of a surface."""

    diffuse: np.ndarray
    """(rows, columns, 3)"""
    key: np.ndarray
    """(rows, columns, 1): the share of it that a cast shadow takes away, 0..1."""
    rim: np.ndarray
    """(rows, columns, 3): glow of the edge, from behind."""


def shade(normal: np.ndarray, light: Light, wrap: tuple[float, float, float]) -> Shading:
    """Light unit normals (rows, columns, 3); `wrap` is how far soft light of each channel turns."""
    direction = np.array(light.direction, np.float32)
    nx, ny, nz = normal[..., 0], normal[..., 1], normal[..., 2]
    toward = nx * direction[0] + ny * direction[1] + nz * direction[2]
    wrapped = np.array(wrap, np.float32) * (1.0 - 0.75 * light.hardness)
    lit = np.clip((toward[..., None] + wrapped) / (1 + wrapped), 0, 1)
    key = lit * (0.80 * np.array(light.key, np.float32))
    away = np.clip(0.35 - 0.65 * np.sign(direction[0]) * nx + 0.25 * nz, 0, 1)
    rest = (0.36 - 0.13 * ny)[..., None] * np.array(light.ambient, np.float32)
    rest = rest + away[..., None] * np.array(light.fill, np.float32)
    diffuse = key + rest
    share = (key @ LUMINANCE) / (diffuse @ LUMINANCE)
    edge = np.clip(1 - nz, 0, 1)
    rim = edge * edge * edge * np.clip(-np.sign(direction[0]) * nx + 0.25, 0, 1)
    return Shading(
        diffuse, share[..., None], (0.30 * rim)[..., None] * np.array(light.rim, np.float32)
    )


def shine(normal: np.ndarray, light: Light, power: float) -> np.ndarray:
    """Return how much of the key light unit normals (rows, columns, 3) reflect, 0..1."""
    half = np.array(light.direction) + np.array([0, 0, 1])
    half = (half / np.linalg.norm(half)).astype(np.float32)
    aligned = normal[..., 0] * half[0] + normal[..., 1] * half[1] + normal[..., 2] * half[2]
    return np.clip(aligned, 0, 1) ** np.float32(power)


def strand_shine(tangent: np.ndarray, light: Light) -> np.ndarray:
    """Return the ring of light that strands (rows, columns, 3) reflect, 0..1."""
    half = np.array(light.direction) + np.array([0, -0.25, 1])
    half = (half / np.linalg.norm(half)).astype(np.float32)
    along = tangent[..., 0] * half[0] + tangent[..., 1] * half[1] + tangent[..., 2] * half[2]
    across = np.clip(1 - along * along, 0, 1)
    return across**14
