"""When frames are shown, and the same moments at a constant rate."""

import math
from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np

USUAL_FPS = 25.0  # where a file does not say
MOST_FPS = 60.0  # of a result whose driver has frames at all distances
STEADY = 0.3  # of a frame: by so much frames come early or late in files of one rate
SLOWEST = 0.1  # quantile of the gaps between frames whose rate is that of a varying one
USUAL_RATES = (24000 / 1001, 24.0, 25.0, 30000 / 1001, 30.0, 48.0, 50.0, 60000 / 1001, 60.0)
ALIKE = 4e-4  # by so little a rate differs from a usual one that was meant

Item = TypeVar("Item")


def constant_rate(times: np.ndarray, fps: float) -> float:
    """Return the frames per second of a result that shows frames when they were shown.

    Args:
        times: (F,) seconds, rising: when each is shown.
        fps: as the file states it, which files with few frames do not do well.

    Returns:
        The rate at which the frames come, if they come at one; else that of those which follow
        each other quickly, 60 at most, so that none of these is lost.
    """
    if len(times) < 2:
        return fps
    mean = (len(times) - 1) / float(times[-1] - times[0])
    for rate in (_usual(mean), fps, mean):
        expected = times[0] + np.arange(len(times)) / rate
        if np.abs(times - expected).max() <= STEADY / rate:
            return rate
    return _usual(1 / max(float(np.quantile(np.diff(times), SLOWEST)), 1 / MOST_FPS))


def _usual(rate: float) -> float:
    nearest = min(USUAL_RATES, key=lambda usual: abs(rate - usual))
    return nearest if abs(rate / nearest - 1) < ALIKE else rate


def repeats(
    moments: Iterable[tuple[float, Item]], fps: float, end: float
) -> Iterator[tuple[int, Item]]:
    """Tell for how many frames of a constant rate each item is shown.

    Frame k of the result shows what is shown in the middle of its time, at (k + 1/2) / fps; before
    the first item it shows the first one.

    Args:
        moments: seconds from the result's start, rising, and an item; taken one ahead.
        fps: of the result.
        end: seconds until which the last one is shown.

    Yields:
        count, item; 0 for what comes and goes between two frames.
    """
    done, before = 0, None
    for moment, item in moments:
        if before is not None:
            until = max(frames_until(moment, fps), done)
            yield until - done, before[0]
            done = until
        before = (item,)
    if before is not None:
        yield max(frames_until(end, fps) - done, 1 - min(done, 1)), before[0]


def frames_until(moment: float, fps: float) -> int:
    """Count the frames of a constant rate whose middle comes before a moment, in seconds."""
    return max(math.ceil(moment * fps - 0.5 - 1e-6), 0)
