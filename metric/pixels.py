"""Differences of images, pixel by pixel."""

import torch
from torch import Tensor


def l1(a: Tensor, b: Tensor, data_range: float = 2.0) -> Tensor:
    """Return the mean absolute difference as a share of the data range.

    Args:
        a, b: (B, C, H, W), here in [-1, 1].
        data_range: largest difference between two pixels.

    Returns:
        (B,) 0 for equal images, 1 for black against white.

    Raises:
        ValueError: the shapes differ.
    """
    require_same_shape(a, b)
    return (a.float() - b.float()).abs().mean(dim=(1, 2, 3)) / data_range


def psnr(a: Tensor, b: Tensor, data_range: float = 2.0) -> Tensor:
    """Return the peak signal-to-noise ratio, 10 log10(data_range^2 / mean squared error).

    Args:
        a, b: (B, C, H, W), here in [-1, 1].
        data_range: largest difference between two pixels.

    Returns:
        (B,) decibels; infinity for equal images.

    Raises:
        ValueError: the shapes differ.
    """
    require_same_shape(a, b)
    squared_error = (a.float() - b.float()).square().mean(dim=(1, 2, 3))
    return 10 * torch.log10(data_range**2 / squared_error)


def require_same_shape(a: Tensor, b: Tensor) -> None:
    """Refuse two batches of images that cannot be compared one by one.

    Raises:
        ValueError: the shapes differ, or are not (B, C, H, W).
    """
    if a.shape != b.shape:
        raise ValueError(f"images must have the same shape, got {tuple(a.shape)}, {tuple(b.shape)}")
    if a.ndim != 4:
        raise ValueError(f"images must be (B, C, H, W), got {tuple(a.shape)}")
