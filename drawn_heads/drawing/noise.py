"""Repeating noise, kept from frame to frame of a video."""

import functools

import cv2
import numpy as np

KEPT = 32  # tiles


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
