"""Windows in which neighbouring pixels count."""

import torch
from torch import Tensor


def gaussian(side: int, sigma: float, device: torch.device) -> Tensor:
    """Return a bell of sum 1.

    Args:
        side: how many pixels it has.
        sigma: its standard deviation, pixels.
        device: where it is wanted.

    Returns:
        (side,).
    """
    offsets = torch.arange(side, device=device) - (side - 1) / 2
    bell = torch.exp(-offsets.square() / (2 * sigma**2))
    return bell / bell.sum()
