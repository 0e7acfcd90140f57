"""How much of the true picture's fine structure is there."""

import torch
import torch.nn.functional as F
from torch import Tensor

from metric.pixels import require_same_shape
from metric.window import gaussian

SIGMA = 1.0  # pixels; what a blur of this takes away is fine
KERNEL = 7
WINDOW, STRIDE = 11, 4  # pixels; where structures are compared
REACH = 2  # pixels that a structure may be displaced
ROUNDING = 1e-10  # |b|^2, of images in [-1, 1], that rounding leaves of a plain picture
LUMA = (0.299, 0.587, 0.114)


def detail(images: Tensor, truth: Tensor) -> Tensor:
    """Return how much fine structure images share with the true ones.

    With a and b what a blur of one pixel takes from the grey values, in each window it is

        max over displacements s of 2 <a_s, b> / (|a|^2 + |b|^2)

    and the mean over windows, weighted by |b|^2. Blur lacks structure and noise has none of the
    true one, so both lose; a structure that lies a pixel or two aside counts as there.

    Args:
        images, truth: (B, 3, H, W) of the same range, at least 16 pixels a side.

    Returns:
        (B,), 1 for equal images, about 0 for blurred or unrelated ones; NaN where the truth is
        plain.

    Raises:
        ValueError: the shapes differ.
    """
    require_same_shape(images, truth)
    given, wanted = _fine(images), _fine(truth)
    energy = _local(wanted.square())
    energy = energy.masked_fill(energy < ROUNDING, 0)
    best = torch.full_like(energy, -torch.inf)
    height, width = given.shape[-2:]
    padded = F.pad(given, 4 * (REACH,), mode="replicate")
    for down in range(2 * REACH + 1):
        for right in range(2 * REACH + 1):
            moved = padded[..., down : down + height, right : right + width]
            both = _local(moved.square()) + energy
            best = torch.maximum(best, 2 * _local(moved * wanted) / both.clamp(min=1e-12))
    return (best * energy).sum((1, 2, 3)) / energy.sum((1, 2, 3))


def _fine(images: Tensor) -> Tensor:
    """What a blur takes from the grey values: (B, 1, H, W)."""
    grey = (images.float() * images.new_tensor(LUMA, dtype=torch.float32)[:, None, None]).sum(
        1, keepdim=True
    )
    bell = gaussian(KERNEL, SIGMA, grey.device)[None, None, None]
    padded = F.pad(grey, 4 * (KERNEL // 2,), mode="replicate")
    return grey - F.conv2d(F.conv2d(padded, bell), bell.mT)


def _local(values: Tensor) -> Tensor:
    """Mean over windows."""
    return F.avg_pool2d(values, WINDOW, STRIDE)
