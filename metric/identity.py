"""Who is it? Descriptors of faces and their likeness, CSIM."""

from collections.abc import Sequence
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from metric.alignment import align_faces


class RecognitionNetwork(Protocol):
    """Describes faces that are cut out as it was trained on; see `pretrained`."""

    name: str
    size: int
    """Side of its crops, pixels."""
    template: Sequence[Sequence[float]]
    """Where it wants eyes, nose tip and corners of the mouth in a crop; see `align_faces`."""

    def __call__(self, crops: Tensor) -> Tensor:
        """Describe crops (B, 3, size, size) in [-1, 1]: (B, D)."""


class FaceDescriptor(nn.Module):
    """Cuts faces out as a network wants them, and describes each by a vector of unit length.

    Args:
        network: ArcFace or VGGFace.
    """

    def __init__(self, network: RecognitionNetwork):
        super().__init__()
        self.network = network
        self.name = network.name

    def forward(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """Describe the faces of images (B, 3, H, W) in [-1, 1].

        Args:
            landmarks: (B, 68, 2) in pixels of the images.

        Returns:
            (B, D) of unit length, near each other for the same person; NaN where the landmarks are.
        """
        crops = align_faces(images, landmarks, self.network.size, self.network.template)
        rows = F.normalize(self.network(crops))
        missing = crops.isnan().flatten(1).any(1)
        return rows.masked_fill(missing[:, None], torch.nan)


def cosine(a: Tensor, b: Tensor) -> Tensor:
    """Return CSIM, the cosine of the angles between descriptors (B, D): (B,), 1 for equal ones."""
    return F.cosine_similarity(a, b, dim=-1)
