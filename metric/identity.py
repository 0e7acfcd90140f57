"""Who is it? Descriptors of faces and their likeness, CSIM."""

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from metric.alignment import align_faces
from pretrained.framing import Framing


class RecognitionNetwork(Protocol):
    """Describes faces that are cut out as it was trained on; see `pretrained`."""

    name: str
    framing: Framing
    """How its crops are cut out."""
    same_person: float | None
    """Euclidean distance within which two descriptors are taken for one person's; None: not known,
    as for those that only angles are read from."""

    def __call__(self, crops: Tensor) -> Tensor:
        """Describe crops (B, 3, size, size) in [-1, 1]: (B, D)."""


class FaceDescriptor(nn.Module):
    """Cuts faces out as a network wants them, and describes each by a vector of unit length.

    Args:
        network: ArcFace, VGGFace or dlib's.
    """

    def __init__(self, network: RecognitionNetwork):
        super().__init__()
        self.network = network
        self.name = network.name
        self.same_person = network.same_person

    def forward(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """Describe the faces of images (B, 3, H, W) in [-1, 1].

        Args:
            landmarks: (B, 68, 2) in pixels of the images.

        Returns:
            (B, D) of unit length, near each other for the same person; NaN where the landmarks are.
        """
        return F.normalize(self.raw(images, landmarks))

    def raw(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """Describe them by the network's own vectors (B, D), of any length.

        `same_person` holds for the `distance` of these; their `cosine` is that of unit vectors.
        """
        crops = align_faces(images, landmarks, self.network.framing)
        missing = crops.isnan().flatten(1).any(1)
        return self.network(crops).masked_fill(missing[:, None], torch.nan)


def cosine(a: Tensor, b: Tensor) -> Tensor:
    """Return CSIM, the cosine of the angles between descriptors (B, D): (B,), 1 for equal ones."""
    return F.cosine_similarity(a, b, dim=-1)


def distance(a: Tensor, b: Tensor) -> Tensor:
    """Return the Euclidean distances between descriptors (B, D): (B,), 0 for equal ones."""
    return (a - b).norm(dim=-1)
