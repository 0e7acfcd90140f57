"""Faces to measure."""

import torch
from torch import Tensor


def face(seed: int, frames: int = 1) -> Tensor:
    """Landmarks (frames, 68, 2) in a picture of 128 pixels: eyes 40 apart, the rest anywhere."""
    points = torch.rand(frames, 68, 2, generator=torch.Generator().manual_seed(seed)) * 60 + 34
    points[:, 36], points[:, 45] = torch.tensor([44.0, 50.0]), torch.tensor([84.0, 50.0])
    return points


def noise(seed: int, count: int = 2, size: int = 32) -> Tensor:
    """Images (count, 3, size, size) in [-1, 1] of independent pixels."""
    pixels = torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed))
    return 2 * pixels - 1


def spots(seed: int, count: int = 1, size: int = 128) -> Tensor:
    """Images (count, 3, size, size) in [-1, 1] so smooth that interpolations agree on them."""
    return torch.nn.functional.interpolate(
        noise(seed, count, 9), (size, size), mode="bicubic", align_corners=True
    ).clamp(-1, 1)
