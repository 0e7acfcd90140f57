"""Inception as TensorFlow published it in 2015, whose features FID compares."""

import torch
from torch import Tensor, nn

from system.weights import fetch, read_weights

INCEPTION = (
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
    "weights-inception-2015-12-05-6726825d.pth"
)
POOLED = "2048"  # torch-fidelity's name of the last layer before the classifier


class InceptionFeatures(nn.Module):
    """Inception's pooled features; frozen.

    Args:
        network: maps uint8 images to a tuple with (B, 2048); it resizes them to 299 pixels
            as TensorFlow did.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        """Return the features (B, 2048) of images (B, 3, H, W) in [-1, 1].

        They are rounded to 8 bits first, since Inception is given what a PNG would hold.

        Raises:
            ValueError: the images are not RGB.
        """
        if images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(f"Inception needs images (B, 3, H, W), got {tuple(images.shape)}")
        pixels = ((images.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
        (features,) = self.network(pixels)
        return features


def load_inception() -> InceptionFeatures:
    """Load the Inception of FID through torch-fidelity, with weights from torch hub's folder.

    Raises:
        MissingWeights: the weights cannot be had.
        ValueError: torch-fidelity is not installed, or the file is another network's.

    Source: Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule".
    """
    try:
        from torch_fidelity import FeatureExtractorInceptionV3
    except ImportError as error:
        raise ValueError("FID needs a package: pip install torch-fidelity") from error
    path = fetch(INCEPTION)
    read_weights(path)  # torch-fidelity, which reads it next, would run what a hostile file says
    try:
        network = FeatureExtractorInceptionV3("inception", [POOLED], str(path))
    except RuntimeError as error:
        raise ValueError(f"{path} holds the weights of another network than Inception") from error
    return InceptionFeatures(network)
