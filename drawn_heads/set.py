"""A set of drawn heads: what a seed and two numbers stand for."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from drawn_heads.motion import Motion, draw_motion
from drawn_heads.people import Person, draw_person
from drawn_heads.scenes import Scene, draw_scene
from system.files import replacing

FPS = 25.0
SETTINGS = "heads.json"
# Raised when the same seed draws other pictures: sets of another version are not continued, nor
# can the truth about them be drawn.
VERSION = 2


class DrawnSet(NamedTuple):
    """How a set of drawn heads was drawn."""

    seed: int
    fps: float
    """Frames per second."""
    size: int
    """Side of the frames, pixels."""

    def write(self, folder: Path) -> None:
        """Note it in heads.json.

        Raises:
            ValueError: the folder holds heads that were drawn otherwise.
        """
        path = Path(folder) / SETTINGS
        if path.exists():
            for name, value in DrawnSet.read(folder)._asdict().items():
                if value != getattr(self, name):
                    raise ValueError(
                        f"{name} must be {value}, as the heads of {folder} were drawn with it, got "
                        f"{getattr(self, name)}; draw into another folder"
                    )
            return
        with replacing(path) as partial:
            partial.write_text(json.dumps({**self._asdict(), "version": VERSION}) + "\n")

    @classmethod
    def read(cls, folder: Path) -> "DrawnSet":
        """Read heads.json.

        Raises:
            FileNotFoundError: the folder holds none.
            ValueError: it is damaged, or its heads were drawn by another version of this library.
        """
        path = Path(folder) / SETTINGS
        if not path.is_file():
            raise FileNotFoundError(
                f"{folder} holds no {SETTINGS}: it was not drawn by this library"
            )
        try:
            values = json.loads(path.read_text())
            drawn = cls(int(values["seed"]), float(values["fps"]), int(values["size"]))
            version = int(values.get("version", 1))
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{path} is damaged: it must state seed, fps and size") from None
        if version != VERSION:
            raise ValueError(
                f"version must be {VERSION}, since when a seed draws other heads, got {version} in "
                f"{path}; draw them anew into another folder"
            )
        return drawn


def is_drawn(folder: Path) -> bool:
    """Tell whether a folder is one of `python -m drawn_heads`, whole or just begun."""
    return (Path(folder) / SETTINGS).is_file()


def draw_video(
    seed: int, person: int, video: int, frames: int, fps: float = FPS
) -> tuple[Person, Scene, Motion]:
    """Return what `write_heads` draws into one video.

    Rendering the motion of one video on the person and scene of another gives the true answer of a
    cross-reenactment, with its landmarks.

    Args:
        seed: seed of the whole set.
        person: number of the person, from 0; the same in all videos of that person.
        video: number of that person's video, from 0.
        frames: length of the motion; a longer motion begins with the shorter one.
        fps: frames per second; fewer spread the same number over a longer time.

    Raises:
        ValueError: a number is negative or `frames` is below 1.
    """
    for name, value in (("seed", seed), ("person", person), ("video", video)):
        if value < 0:
            raise ValueError(f"{name} must be at least 0, got {value}")
    identity = draw_person(_seed_of(seed, person))
    scene = draw_scene(_seed_of(seed, person, video, 0))
    return identity, scene, draw_motion(_seed_of(seed, person, video, 1), frames, fps)


def _seed_of(*numbers: int) -> int:
    """Mix numbers into one seed of 64 bits."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])
