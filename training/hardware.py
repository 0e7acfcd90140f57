"""Where and how a step is computed; none of it changes what is learnt beyond rounding."""

from typing import NamedTuple

import torch


class Hardware(NamedTuple):
    """The device, and how its time and memory are spent."""

    device: torch.device
    dtype: torch.dtype
    """torch.bfloat16: autocast; torch.float32: none."""
    workers: int = 0
    """Processes that load data."""
    parts: int = 1
    """A batch is computed in so many parts, one after the other: gradient accumulation."""
    joint_judgement: bool = True
    """The discriminator sees generated and true images in one pass."""
    checkpoint_embedder: bool = False
    """The embedder's activations are computed again in the backward pass, a frame at a time."""

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, self.dtype == torch.bfloat16)
