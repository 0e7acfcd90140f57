"""A person's head in the motion of a driver, frame by frame."""

import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from dataset.video.writing import VideoWriter
from inference.animate import Draw, animate
from inference.driver import Driving, DrivingFrame
from inference.retarget import MOTIONS, moved
from inference.smoothing import smoothed
from system.ahead import ahead

ABSOLUTE = "absolute"
LIVE_AHEAD = 50  # frames of a camera from which a motion is learnt: two seconds

Item = TypeVar("Item")


class Moment(NamedTuple):
    """One moment of an animation."""

    driver: DrivingFrame
    """With the number of frames that it lasts, `driver.repeats`."""
    landmarks: np.ndarray
    """(68, 2) float32 that the head was drawn from, pixels of the frame."""
    frame: np.ndarray
    """(S, S, 3) uint8 RGB."""


class Animation:
    """The frames of a head that moves as a driver does; nothing is drawn before it is asked for.

        animation = head.animate("speech.mp4")
        animation.save("me.mp4")            # with the driver's sound
        for frame in animation: ...         # (S, S, 3) uint8 RGB, animation.fps of them a second

    Args:
        head: draws.
        driving: the driver; it may be endless.
        sources: (T, 68, 2) landmarks of the person's own pictures, pixels of the frames.
        motion: absolute, relative or retargeted; see `inference.retarget`.
        smooth: 0 (landmarks as they are found) to 1; see `inference.smoothing`.
        batch_size: frames drawn at once.

    Raises:
        ValueError: there is no such motion.
    """

    def __init__(
        self,
        head: Draw,
        driving: Driving,
        sources: np.ndarray,
        motion: str = ABSOLUTE,
        smooth: float = 0.0,
        batch_size: int = 8,
    ):
        if motion not in (ABSOLUTE, *MOTIONS):
            named = ", ".join((ABSOLUTE, *MOTIONS))
            raise ValueError(f"--motion must be one of {named}, got {motion!r}")
        self.driving = driving
        self._head, self._sources = head, sources
        self._motion, self._smooth, self._batch_size = motion, smooth, batch_size

    @property
    def fps(self) -> float:
        """Frames per second."""
        return self.driving.fps

    @property
    def length(self) -> int | None:
        """Number of frames; a damaged driver may end earlier, a camera's (None) ends on demand."""
        return self.driving.length

    def moments(self) -> Iterator[Moment]:
        """Draw one moment of the driver after the other.

        Threads read the driver and draw a batch ahead, while this one uses what is drawn. A
        camera's newest frame would be an old one by then: nothing of it is done ahead.
        """
        if self.length is None:
            return self._moments(self.driving)
        return ahead(self._moments(ahead(self.driving, self._batch_size)), self._batch_size)

    def _moments(self, driving: Iterable[DrivingFrame]) -> Iterator[Moment]:
        moments: deque[DrivingFrame] = deque()
        drawn: deque[np.ndarray] = deque()
        followed = _noted(smoothed(driving, self._smooth, self.fps), moments)
        landmarks: Iterator[np.ndarray] = (moment.landmarks for moment in followed)
        if self._motion != ABSOLUTE and self.length is None:
            landmarks = self._moved_live(landmarks)
            moments.clear()
        elif self._motion != ABSOLUTE:
            landmarks = moved(self._motion, landmarks, self._sources)
        for frame in animate(self._head, _noted(landmarks, drawn), self._batch_size):
            yield Moment(moments.popleft(), drawn.popleft(), frame)

    def _moved_live(self, landmarks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """Learn the motion from the first seconds, which are not drawn: they would come late."""
        seen = list(itertools.islice(landmarks, LIVE_AHEAD))
        if not seen:
            return iter(())
        return map(MOTIONS[self._motion].learn(np.stack(seen), self._sources), landmarks)

    def __iter__(self) -> Iterator[np.ndarray]:
        for moment in self.moments():
            for _ in range(moment.driver.repeats):
                yield moment.frame

    def save(self, path: str | Path) -> None:
        """Write .mp4, .mov or .webm with the driver's sound, .gif or .webp, or a folder of PNG.

        Raises:
            ValueError: another suffix.
        """
        with VideoWriter(Path(path), self.fps, self.driving.sound) as writer:
            for moment in self.moments():
                writer.write(moment.frame, moment.driver.repeats)


def _noted(items: Iterable[Item], notes: deque[Item]) -> Iterator[Item]:
    """Pass items on and note them, for the one who gets the batch's results later."""
    for item in items:
        notes.append(item)
        yield item
