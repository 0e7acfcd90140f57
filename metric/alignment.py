"""Faces brought to the same place, size and upright position in their crops."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def align_faces(
    images: Tensor,
    landmarks: Tensor,
    size: int,
    template: Tensor | Sequence[Sequence[float]],
) -> Tensor:
    """Cut out faces so that five points of each lie on the template's, as nearly as they can.

    Args:
        images: (B, C, H, W) in [-1, 1].
        landmarks: (B, 68, 2) (x, y) in pixels of the images, pixel centres at integers.
        size: side of the crops, pixels.
        template: (5, 2) (x, y) in pixels of the crop: eyes, nose tip, corners of the mouth, from
            the image's left to its right.

    Returns:
        (B, C, size, size) in [-1, 1], black outside the picture; NaN where the landmarks are.

    Raises:
        ValueError: `landmarks` are not (B, 68, 2).
    """
    if landmarks.shape != (len(images), 68, 2):
        raise ValueError(
            f"landmarks of {len(images)} images must be ({len(images)}, 68, 2), "
            f"got {tuple(landmarks.shape)}"
        )
    images, landmarks = images.float(), landmarks.to(images.device, torch.float32)
    target = torch.as_tensor(template, dtype=torch.float32, device=images.device)
    turn, shift = fit_similarity(five_points(landmarks), target.expand(len(images), 5, 2))

    line = torch.arange(size, device=images.device, dtype=torch.float32)
    crop = torch.stack(torch.meshgrid(line, line, indexing="xy"), dim=-1)
    places = torch.view_as_complex(crop)  # (size, size)
    places = (places - shift[:, None, None]) / turn[:, None, None]  # (B, size, size)
    sides = torch.tensor(images.shape[:-3:-1], device=images.device)  # width, height
    grid = (2 * torch.view_as_real(places) + 1) / sides - 1
    crops = F.grid_sample(images + 1, grid, align_corners=False) - 1
    # What grid_sample makes of NaN is its own affair.
    found = torch.isfinite(torch.view_as_real(shift)).all(-1)
    return torch.where(found[:, None, None, None], crops, torch.nan)


def five_points(landmarks: Tensor) -> Tensor:
    """Reduce 68 landmarks (B, 68, 2) to the five (B, 5, 2) of face recognition.

    They are the centres of the eyes, the nose tip and the corners of the mouth, from the image's
    left to its right.
    """
    eyes = [landmarks[:, 36:42].mean(1), landmarks[:, 42:48].mean(1)]
    return torch.stack([*eyes, *landmarks[:, [30, 48, 54]].unbind(1)], dim=1)


def fit_similarity(points: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Fit rotation, scale and shift, by least squares, that bring points to a target.

    With points as complex numbers z = x + iy they are `turn * z + shift`; a reflection is
    no such product.

    Args:
        points, target: (B, P, 2).

    Returns:
        turn, shift: (B,) complex; not finite where the points coincide or are not finite.

    Source: Umeyama 1991, which in the plane has this closed form.
    """
    z, w = (torch.view_as_complex(x.contiguous()) for x in (points, target))
    center, middle = z.mean(1), w.mean(1)
    z, w = z - center[:, None], w - middle[:, None]
    turn = (z.conj() * w).sum(1) / z.abs().square().sum(1)
    return turn, middle - turn * center
