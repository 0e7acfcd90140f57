"""How well eyes and mouth are drawn: where expressions show."""

import torch
from torch import Tensor

from metric.geometry import outer_eye_distance
from metric.pixels import require_same_shape

EYE, OTHER_EYE, MOUTH = slice(36, 42), slice(42, 48), slice(48, 68)  # of the 68 landmarks
MARGIN = 0.15  # around each part, of the distance between the outer eye corners


def expression_error(a: Tensor, b: Tensor, landmarks: Tensor, data_range: float = 2.0) -> Tensor:
    """Return the mean absolute difference around eyes and mouth as a share of the data range.

    Args:
        a, b: (B, C, H, W), here in [-1, 1].
        landmarks: (B, 68, 2), x and y in pixels of these images: where eyes and mouth are.
        data_range: largest difference between two pixels.

    Returns:
        (B,) 0 for equal images; NaN where eyes and mouth lie outside the image, or are unknown.

    Raises:
        ValueError: the images' shapes differ.
    """
    require_same_shape(a, b)
    mask = eyes_and_mouth(landmarks.to(a.device), *a.shape[2:])
    difference = (a.float() - b.float()).abs().mean(dim=1)  # (B, H, W)
    return (difference * mask).sum(dim=(1, 2)) / mask.sum(dim=(1, 2)) / data_range


def eyes_and_mouth(landmarks: Tensor, height: int, width: int) -> Tensor:
    """Mark the pixels (B, H, W) within the upright boxes around each eye and the mouth."""
    x = torch.arange(width, device=landmarks.device)
    y = torch.arange(height, device=landmarks.device)
    margin = MARGIN * outer_eye_distance(landmarks)[:, None]  # (B, 1)
    mask = torch.zeros(len(landmarks), height, width, dtype=torch.bool, device=landmarks.device)
    for part in (EYE, OTHER_EYE, MOUTH):
        low = landmarks[:, part].amin(dim=1) - margin  # (B, 2)
        high = landmarks[:, part].amax(dim=1) + margin
        across = (x >= low[:, :1]) & (x <= high[:, :1])  # (B, W)
        down = (y >= low[:, 1:]) & (y <= high[:, 1:])
        mask |= down[:, :, None] & across[:, None, :]
    return mask
