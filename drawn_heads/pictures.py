"""Pictures of one drawn head, as a person's are."""

import numpy as np

from dataset.landmarks import draw_landmarks
from dataset.preparation.person import PersonFrames
from drawn_heads.render import render
from drawn_heads.set import FPS, draw_video


def pictures_of_head(count: int, image_size: int, seed: int = 0) -> PersonFrames:
    """Draw a talking head a second apart, `count` times.

    Args:
        image_size: side of the pictures, at least 16 pixels.
        seed: draws the person, the scene and the motion.
    """
    apart = round(FPS)
    person, scene, motion = draw_video(seed, 0, 0, frames=count * apart)
    drawn = [render(person, scene, motion[at * apart], image_size) for at in range(count)]
    frames, landmarks = map(np.stack, zip(*drawn, strict=True))
    lines = [draw_landmarks(points, image_size) for points in landmarks]
    return PersonFrames(frames, np.stack(lines), landmarks, "whole", "drawn heads")
