"""From linear light to a frame, through a camera with a character of its own."""

import cv2
import numpy as np

from drawn_heads.drawing.light import LUMINANCE
from drawn_heads.scenes import Film

SHOULDER = np.float32(0.55)  # brighter light is compressed, so that it does not burn out


def develop(light: np.ndarray, film: Film) -> np.ndarray:
    """Turn linear light (size, size, 3), 1 is white, into a frame (size, size, 3) uint8 RGB."""
    size = light.shape[0]
    picture = light * (np.array(film.balance, np.float32) * np.float32(film.exposure))
    if film.softness > 0.1:
        picture = cv2.GaussianBlur(picture, (0, 0), film.softness * size / 128)
    above = np.maximum(picture - SHOULDER, 0)
    picture = np.minimum(picture, SHOULDER) + above / (1 + above * np.float32(1.6))
    picture = np.sqrt(np.clip(picture, 0, 1))
    grey = (picture @ LUMINANCE)[..., None]
    picture = grey + (picture - grey) * np.float32(film.saturation)
    # x + c x (1 - x) (2 x - 1): keeps black, middle and white, and the slope in the middle varies.
    picture = np.clip(picture, 0, 1)
    picture += np.float32(film.contrast) * picture * (1 - picture) * (2 * picture - 1)
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
