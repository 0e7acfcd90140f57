"""ArcFace, trained to tell people apart: a file that you name, run by OpenCV."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from pretrained.framing import FIVE_POINTS, Framing
from system.missing import MissingWeights

if TYPE_CHECKING:
    import cv2

BUFFALO = "https://github.com/deepinsight/insightface/releases/download/v0.7/buffalo_l.zip"

SIZE = 112
# Source: insightface, `face_align.py`.
PLACES = (
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
)


class ArcFace:
    """An ArcFace in ONNX, run by OpenCV on the CPU, one face after the other.

    Args:
        network: (1, 3, 112, 112) RGB in [-1, 1] to (1, D).
    """

    name = "ArcFace"
    framing = Framing(SIZE, dict(zip(FIVE_POINTS, PLACES, strict=True)))
    same_person = None

    def __init__(self, network: "cv2.dnn.Net"):
        self.network = network

    def __call__(self, crops: Tensor) -> Tensor:
        """Describe aligned faces (B, 3, 112, 112) in [-1, 1]: (B, D)."""
        rows = [self._describe(crop[None]) for crop in crops.cpu().numpy()]
        return torch.from_numpy(np.concatenate(rows)).to(crops.device)

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
    import cv2

    path = Path(path)
    if not path.is_file():
        raise MissingWeights(f"no file {path}: take w600k_r50.onnx out of {BUFFALO}")
    try:
        arcface = ArcFace(cv2.dnn.readNetFromONNX(str(path)))
        row = arcface._describe(np.zeros((1, 3, SIZE, SIZE), np.float32))
    except cv2.error as error:
        raise ValueError(f"{path} is not an ONNX file of a network for faces of 112 px") from error
    if row.ndim != 2 or len(row) != 1:
        raise ValueError(f"{path} must give one descriptor (1, D), got {row.shape}")
    return arcface
