"""What was seen, and how long it took, while a record was made."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

Item = TypeVar("Item")

STAGES = ("decode", "detect", "judge", "cut", "write")


@dataclass
class Findings:
    """Notes on one video, filled in while its record is made, also if it is rejected."""

    looked: int = 0
    """Frames that were decoded and looked at."""
    refused: Counter[str] = field(default_factory=Counter)
    """Frames that could not be used, by the gate that refused them."""
    refused_photos: dict[str, str] = field(default_factory=dict)
    """Names of the photos that could not be used, and the gate that refused each."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Names of the files that could not be read, or not to their end, and why."""
    cuts: int = 0
    """Neighbouring frames of one segment that seem to show different people or scenes."""
    frames: Counter[str] = field(default_factory=Counter)
    """Frames that went through each stage."""
    seconds: Counter[str] = field(default_factory=Counter)
    """Time spent in each stage."""

    @contextmanager
    def timed(self, stage: str, frames: int = 1) -> Iterator[None]:
        """Add the time of the block to a stage."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - started
            self.frames[stage] += frames

    def timed_each(self, stage: str, items: Iterable[Item]) -> Iterator[Item]:
        """Yield the items, none of them None, and add the time they take to come to a stage."""
        waiting = iter(items)
        while True:
            with self.timed(stage, frames=0):
                item = next(waiting, None)
            if item is None:
                return
            self.frames[stage] += 1
            yield item
