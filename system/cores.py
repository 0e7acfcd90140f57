"""How many cores there are, and how many of them others leave idle."""

import contextlib
import os
import time
from pathlib import Path

LOOK = 0.3  # seconds
STAT = Path("/proc/stat")


def cores() -> int:
    """Count the cores that this process may use."""
    with contextlib.suppress(AttributeError):  # not on every system
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def idle_cores() -> int:
    """Count the cores that other processes leave idle just now, at least 1; this one waits for it.

    Where the system does not tell, all count as idle.
    """
    try:
        before = _idle_ticks()
        time.sleep(LOOK)
        after = _idle_ticks()
    except (OSError, ValueError):
        return cores()
    share = (after[0] - before[0]) / max(after[1] - before[1], 1)
    return min(max(round(share * (os.cpu_count() or 1)), 1), cores())


def _idle_ticks() -> tuple[int, int]:
    """Read how many ticks all cores have been idle, and how many have passed."""
    numbers = [int(word) for word in STAT.read_text().split("\n", 1)[0].split()[1:9]]
    return numbers[3] + numbers[4], sum(numbers)  # idle and waiting for a disk
