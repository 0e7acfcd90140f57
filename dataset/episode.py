"""What a training step is given; known without what reads and draws it."""

from typing import NamedTuple

from torch import Tensor


class Episode(NamedTuple):
    """One video's share of a training step; a batch of them has a leading B."""

    video: Tensor
    """() int64: row of W."""
    source: Tensor
    """(K, 3, H, W) uint8: frames shown to the embedder."""
    source_landmarks: Tensor
    """(K, 3, H, W) uint8: their landmark images."""
    target: Tensor
    """(3, H, W) uint8: one more frame, never among the K."""
    target_landmarks: Tensor
    """(3, H, W) uint8: its landmark image."""
