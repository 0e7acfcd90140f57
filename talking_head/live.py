"""A head that follows a camera: what is shown, how fast, and how late."""

import statistics
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from talking_head.animation import Animation, Moment

RECENT = 25  # frames that the rate and the delay on the screen are of


class Pace(NamedTuple):
    """How fast and how late frames come; medians and counts over all of them."""

    frames: int
    fps: float
    delay: float
    """Seconds from the camera's frame to the picture, to a millisecond."""
    dropped: int
    """Frames of the camera for which there was no time."""


def follow(
    animation: Animation,
    finish: Callable[[Moment], np.ndarray],
    show: Callable[[np.ndarray, str], bool],
    record: Callable[[np.ndarray, int], None],
) -> Pace:
    """Draw a camera's motion until it ends, it is no longer wanted, or Ctrl-C is pressed.

    Args:
        animation: of a camera.
        finish: from a moment to what is shown.
        show: is handed each picture and a line about the pace; False ends it.
        record: is handed each picture, and how often it is to be written.
    """
    recent: deque[tuple[float, float]] = deque(maxlen=RECENT)  # when shown, and how late
    delays: Counter[int] = Counter()  # by milliseconds: it may go on for hours
    began = time.monotonic()
    moments = animation.moments()
    try:
        for moment in moments:
            picture = finish(moment)
            now = time.monotonic()
            began = began if delays else now
            late = now - moment.driver.taken
            recent.append((now, late))
            delays[round(1e3 * late)] += 1
            record(picture, moment.driver.repeats)
            if not show(picture, _line(recent)):
                break
    except KeyboardInterrupt:  # the way to end what does not end by itself
        pass
    finally:
        moments.close()
    passed = time.monotonic() - began
    frames = delays.total()
    late = statistics.median(delays.elements()) / 1e3 if frames else 0.0
    rate = frames / passed if passed else 0.0
    return Pace(frames, rate, late, animation.driving.camera.dropped)


def _line(recent: deque[tuple[float, float]]) -> str:
    passed = recent[-1][0] - recent[0][0]
    rate = (len(recent) - 1) / passed if passed else 0.0
    late = sum(delay for _, delay in recent) / len(recent)
    return f"{rate:.0f} frames/s, {1e3 * late:.0f} ms late"
