"""The true answers that only drawn heads have: one person with the motion of another."""

import dataclasses
import functools
import re
from typing import NamedTuple

import numpy as np

from drawn_heads.motion import Motion
from drawn_heads.people import Person
from drawn_heads.render import render
from drawn_heads.scenes import Scene
from drawn_heads.set import DrawnSet, draw_video

# What of a person gives a face its shape; the rest is colour, hair and ornament.
SHAPE = (
    "face_width", "jaw_width", "jaw_roundness", "chin_y", "chin_forward", "cheeks",
    "eye_x", "eye_y", "eye_width", "eye_height", "eye_tilt",
    "brow_y", "brow_thickness", "brow_arch", "brow_tilt",
    "nose_length", "nose_width", "nose_height", "nose_tip",
    "mouth_y", "mouth_width", "upper_lip", "lower_lip",
)  # fmt: skip


class TrueFrame(NamedTuple):
    """A frame that was never filmed."""

    frame: np.ndarray
    """(H, W, 3) uint8 RGB."""
    landmarks: np.ndarray
    """(68, 2) float32, pixels."""


def reenactment_truth(
    drawn: DrawnSet, source: str, driver: str, frame: int, face_of_driver: bool = False
) -> TrueFrame:
    """Draw the person of one video, in its clothes and light, with another video's motion.

    Args:
        drawn: how both were drawn.
        source, driver: ids of videos, id00012/video003.
        frame: number of the driver's frame.
        face_of_driver: give the source the shape of the driver's face; skin, hair and glasses stay.

    Raises:
        ValueError: an id is not one of a drawn head.
    """
    person, scene, _ = _drawn(drawn, source)
    other, _, motion = _drawn(drawn, driver, frames=frame + 1)
    if face_of_driver:
        person = with_face_of(person, other)
    return TrueFrame(*render(person, scene, motion[frame], drawn.size))


def with_face_of(person: Person, other: Person) -> Person:
    """Give a person the shape of another one's face."""
    return dataclasses.replace(person, **{name: getattr(other, name) for name in SHAPE})


@functools.lru_cache(maxsize=64)
def _drawn(drawn: DrawnSet, video: str, frames: int = 1) -> tuple[Person, Scene, Motion]:
    numbers = re.fullmatch(r"id(\d+)/video(\d+)", video)
    if numbers is None:
        raise ValueError(f"{video} is not a drawn head: its id must be like id00012/video003")
    return draw_video(drawn.seed, *map(int, numbers.groups()), frames, drawn.fps)
