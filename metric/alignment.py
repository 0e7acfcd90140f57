"""Faces brought to the same place, size and upright position in their crops."""

import torch
import torch.nn.functional as F
from torch import Tensor

from pretrained.framing import Framing

LEAST = 0.01  # pixels between the points of a face, or it is none


def align_faces(images: Tensor, landmarks: Tensor, framing: Framing) -> Tensor:
    """Cut out faces so that points of each lie on the template's, as nearly as they can.

    Pixels are interpolated, not averaged: crops of faces more than twice as large are coarser than
    they could be.

    Args:
        images: (B, C, H, W) in [-1, 1].
        landmarks: (B, 68, 2) (x, y) in pixels of the images, pixel centres at integers.
        framing: size of the crops, and where they have which landmarks.

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
    turn, shift = crop_to_picture(landmarks, framing)

    line = torch.arange(framing.size, device=images.device, dtype=torch.float32)
    crop = torch.stack(torch.meshgrid(line, line, indexing="xy"), dim=-1)
    places = torch.view_as_complex(crop)  # (size, size)
    places = turn[:, None, None] * places + shift[:, None, None]  # (B, size, size)
    sides = torch.tensor(images.shape[:-3:-1], device=images.device)  # width, height
    grid = (2 * torch.view_as_real(places) + 1) / sides - 1
    crops = F.grid_sample(images + 1, grid, align_corners=False) - 1
    # What grid_sample makes of NaN is its own affair.
    found = torch.isfinite(torch.view_as_real(shift)).all(-1)
    return torch.where(found[:, None, None, None], crops, torch.nan)


def crop_to_picture(landmarks: Tensor, framing: Framing) -> tuple[Tensor, Tensor]:
    """Find where the pixels of each face's crop lie in its picture.

    Args:
        landmarks: (B, 68, 2).

    Returns:
        turn, shift: (B,) complex, as `fit_similarity` has them; not finite where the landmarks are
        not, or lie in one place.
    """
    points = torch.stack([landmarks[:, list(group)].mean(1) for group in framing.template], dim=1)
    extent = (points.amax(1) - points.amin(1)).amax(1)
    points = points.masked_fill(extent[:, None, None] < LEAST, torch.nan)
    places = torch.tensor(list(framing.template.values()), device=points.device)
    places = places.expand(points.shape)
    if framing.fitted_in_picture:
        return fit_similarity(places, points)
    turn, shift = fit_similarity(points, places)
    return 1 / turn, -shift / turn


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
