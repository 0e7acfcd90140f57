"""Light and texture of drawn talking heads: backgrounds, shading, shine, noise."""

import functools

import cv2
import numpy as np

from drawn_heads.people import Color, Scene
from drawn_heads.surfaces import smoothstep

KEPT = 16  # backgrounds and tiles of noise kept from frame to frame of a video


def linear(color: Color) -> np.ndarray:
    """Convert sRGB 0..1 to linear light, (3,) float32; the transfer curve is a square."""
    return np.array(color, np.float32) ** 2


@functools.lru_cache(KEPT)
def background(scene: Scene, side: int) -> np.ndarray:
    """Paint a soft gradient with blobs out of focus, (side, side, 3) linear light, read-only."""
    coarse = 64
    place = (np.arange(coarse, dtype=np.float32) + 0.5) / coarse
    x, y = place[None, :, None], place[:, None, None]
    top, bottom = (linear(color) for color in scene.background)
    slope = np.clip(y + 0.15 * scene.light[0] * (x - 0.5), 0, 1)
    picture = top + (bottom - top) * slope
    for blob_x, blob_y, radius, color in scene.blobs:
        distance = np.sqrt((x - blob_x) ** 2 + (y - blob_y) ** 2)
        soft = smoothstep(radius * 1.15, radius * 0.75, distance)
        picture = picture + (linear(color) - picture) * (0.35 * soft)
    vignette = 1 - 0.45 * ((x - 0.5) ** 2 + (y - 0.5) ** 2)
    picture = np.ascontiguousarray(picture * vignette, np.float32)
    picture = cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    picture.flags.writeable = False
    return picture


def lighting(
    normal: np.ndarray, scene: Scene, wrap: tuple[float, float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Return diffuse light (h, w, 3) and the rim's glow (h, w, 3) for unit normals (h, w, 3+)."""
    light = np.array(scene.light, np.float32)
    nx, ny, nz = normal[..., 0], normal[..., 1], normal[..., 2]
    toward = nx * light[0] + ny * light[1] + nz * light[2]
    wrapped = np.array(wrap, np.float32)
    key = np.clip((toward[..., None] + wrapped) / (1 + wrapped), 0, 1)
    sky = (0.36 - 0.13 * ny)[..., None] * np.array(scene.ambient_color, np.float32)
    diffuse = sky + key * (0.80 * np.array(scene.light_color, np.float32))
    edge = np.clip(1 - nz, 0, 1)
    rim = edge * edge * edge * np.clip(-np.sign(light[0]) * nx + 0.2, 0, 1)
    return diffuse, (0.30 * rim)[..., None] * np.array(scene.rim_color, np.float32)


def shine(normal: np.ndarray, scene: Scene, power: float) -> np.ndarray:
    half = np.array(scene.light) + np.array([0, 0, 1])
    half = (half / np.linalg.norm(half)).astype(np.float32)
    aligned = normal[..., 0] * half[0] + normal[..., 1] * half[1] + normal[..., 2] * half[2]
    return np.clip(aligned, 0, 1) ** np.float32(power)


def strand_shine(tangent: np.ndarray, scene: Scene) -> np.ndarray:
    """Return the ring of light that strands (h, w, 3) reflect."""
    half = np.array(scene.light) + np.array([0, -0.25, 1])
    half = (half / np.linalg.norm(half)).astype(np.float32)
    along = tangent[..., 0] * half[0] + tangent[..., 1] * half[1] + tangent[..., 2] * half[2]
    across = np.clip(1 - along * along, 0, 1)
    return across**14


@functools.lru_cache(KEPT)
def noise(seed: int, height: int, width: int, blur: tuple[float, float]) -> np.ndarray:
    """Return repeating noise (height, width) float32, mean 0, standard deviation 1, read-only."""
    noise = np.random.default_rng(seed).standard_normal((height, width), np.float32)
    pad = int(3 * max(blur)) + 1
    noise = cv2.copyMakeBorder(noise, pad, pad, pad, pad, cv2.BORDER_WRAP)
    noise = cv2.GaussianBlur(noise, (0, 0), sigmaX=blur[0], sigmaY=blur[1])[pad:-pad, pad:-pad]
    noise = np.ascontiguousarray((noise - noise.mean()) / noise.std())
    noise.flags.writeable = False
    return noise
