"""Who is it? Descriptors of faces and their likeness, CSIM."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from metric.alignment import ARCFACE_SIZE, ARCFACE_TEMPLATE, align_faces
from metric.weights import MissingWeights

BUFFALO = "https://github.com/deepinsight/insightface/releases/download/v0.7/buffalo_l.zip"

VGGFACE_SIZE = 224
# ArcFace's framing, wider, so that hair and chin show: the eyes are 1/4 of the side apart.
VGGFACE_WIDER = 1.25
VGGFACE_FC7 = 5  # layers of the classifier: up to fc7 and its ReLU


class Descriptor(Protocol):
    """Describes faces by vectors of unit length, near each other for the same person."""

    name: str

    def __call__(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """Describe the faces of images (B, 3, H, W) in [-1, 1].

        Args:
            landmarks: (B, 68, 2) in pixels of the images.

        Returns:
            (B, D) of unit length; NaN where the landmarks are.
        """


def cosine(a: Tensor, b: Tensor) -> Tensor:
    """Return CSIM, the cosine of the angles between descriptors (B, D): (B,), 1 for equal ones."""
    return F.cosine_similarity(a, b, dim=-1)


class ArcFace:
    """An ArcFace in ONNX, run by OpenCV on the CPU, one face after the other.

    Args:
        network: (1, 3, 112, 112) RGB in [-1, 1] to (1, D).
    """

    name = "ArcFace"

    def __init__(self, network: cv2.dnn.Net):
        self.network = network

    def __call__(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """Describe faces; see `Descriptor`."""
        crops = align_faces(images, landmarks).cpu().numpy()
        rows = torch.from_numpy(np.concatenate([self._describe(crop[None]) for crop in crops]))
        missing = torch.from_numpy(np.isnan(crops).any((1, 2, 3)))
        rows[missing] = torch.nan
        return F.normalize(rows).to(images.device)

    def _describe(self, crop: np.ndarray) -> np.ndarray:
        self.network.setInput(crop)
        return self.network.forward().copy()


def load_arcface(path: Path) -> ArcFace:
    """Load an ArcFace, such as `w600k_r50.onnx` of insightface's pack buffalo_l.

    Raises:
        MissingWeights: there is no such file, with the address to fetch one from.
        ValueError: OpenCV cannot run it on a face of 112 pixels.

    Source: Deng et al. 2019, "ArcFace: Additive Angular Margin Loss for Deep Face Recognition".
    """
    path = Path(path)
    if not path.is_file():
        raise MissingWeights(f"no file {path}: take w600k_r50.onnx out of {BUFFALO}")
    try:
        arcface = ArcFace(cv2.dnn.readNetFromONNX(str(path)))
        row = arcface._describe(np.zeros((1, 3, ARCFACE_SIZE, ARCFACE_SIZE), np.float32))
    except cv2.error as error:
        raise ValueError(f"{path} is not an ONNX file of a network for faces of 112 px") from error
    if row.ndim != 2 or len(row) != 1:
        raise ValueError(f"{path} must give one descriptor (1, D), got {row.shape}")
    return arcface


class VggFace(nn.Module):
    """VGGFace's last hidden layer, fc7, of aligned faces; frozen.

    Faces are aligned as for ArcFace, in a wider frame that shows hair and chin. The numbers of its
    descriptors are never negative, so that strangers are well above a cosine of 0.

    Args:
        state: weights in torchvision's names for VGG16, up to `classifier.3.*`.
        mean: R, G, B of 255 that the network subtracts.

    Raises:
        ValueError: a weight is missing or has another shape.

    Source: Parkhi et al. 2015, "Deep Face Recognition", configuration D.
    """

    name = "VGGFace"

    def __init__(self, state: Mapping[str, Tensor], mean: tuple[float, float, float]):
        super().__init__()
        from torchvision.models import vgg16

        with torch.device("meta"):
            self.network = vgg16(weights=None, init_weights=False).eval()
        self.network.classifier = self.network.classifier[:VGGFACE_FC7]
        wanted = self.network.state_dict()
        for key, value in wanted.items():
            if key not in state or state[key].shape != value.shape:
                got = tuple(state[key].shape) if key in state else "nothing"
                raise ValueError(f"VGGFace: {key} must be {tuple(value.shape)}, got {got}")
        given = {key: state[key].float() for key in wanted}
        self.network.load_state_dict(given, assign=True)
        self.requires_grad_(False)
        self.register_buffer("mean", torch.tensor(mean)[:, None, None])
        scale = VGGFACE_SIZE / ARCFACE_SIZE / VGGFACE_WIDER
        middle = (VGGFACE_SIZE - 1) / 2
        centered = torch.tensor(ARCFACE_TEMPLATE) - (ARCFACE_SIZE - 1) / 2
        self.register_buffer("template", scale * centered + middle)

    def forward(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """Describe faces; see `Descriptor`."""
        crops = align_faces(images, landmarks, VGGFACE_SIZE, self.template)
        return F.normalize(self.network(127.5 * (crops + 1) - self.mean))
