"""From landmarks to frames of one person, a batch at a time."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

Draw = Callable[[Sequence[np.ndarray]], np.ndarray]
"""From landmarks (68, 2) each to frames (B, S, S, 3) uint8 RGB; `PreparedHead` is one."""


def animate(
    head: Draw, landmarks: Iterable[np.ndarray], batch_size: int = 8
) -> Iterator[np.ndarray]:
    """Draw one frame of the person for each set of landmarks.

    A generator: a batch is read when its first frame is asked for, and forgotten when its last
    one is taken, so `landmarks` may be endless.

    Args:
        head: draws a batch.
        landmarks: (68, 2) each, finite, pixels of a frame of the head's size.
        batch_size: frames drawn at once.

    Yields:
        (S, S, 3) uint8 RGB.

    Raises:
        ValueError: `batch_size` is below 1; landmarks of another shape, or not finite.
    """
    if batch_size < 1:
        raise ValueError(f"--batch-size must be at least 1, got {batch_size}")
    return _frames(head, iter(landmarks), batch_size)


def _frames(head: Draw, landmarks: Iterator[np.ndarray], batch_size: int) -> Iterator[np.ndarray]:
    while batch := list(itertools.islice(landmarks, batch_size)):
        frames = head(batch)
        del batch
        yield from frames
