"""LPIPS: the distance of two images in the eyes of AlexNet."""

from torch import Tensor, nn

from metric.pixels import require_same_shape
from metric.weights import hub_file, read_weights

ALEXNET = "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"
LEAST_SIDE = 31  # pixels; AlexNet's last layer sees nothing of a smaller image


class Lpips(nn.Module):
    """Weighted distance of AlexNet's activations; frozen.

    Args:
        network: maps two batches in [-1, 1] to (B, 1, 1, 1).
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network.eval().requires_grad_(False)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Compare images (B, 3, H, W) in [-1, 1].

        Returns:
            (B,) 0 for equal images; the larger, the less alike.

        Raises:
            ValueError: the shapes differ, or the images are too small for AlexNet.
        """
        require_same_shape(a, b)
        if a.shape[1] != 3 or min(a.shape[-2:]) < LEAST_SIDE:
            raise ValueError(
                f"LPIPS needs RGB images of {LEAST_SIDE} pixels or more, got {tuple(a.shape)}"
            )
        return self.network(a.float(), b.float()).flatten()


def load_lpips() -> Lpips:
    """Load LPIPS 0.1 with AlexNet; its own weights come with torchmetrics, AlexNet's from the hub.

    Raises:
        MissingWeights: AlexNet's weights cannot be had.
        ValueError: torchmetrics is not installed, or the file is another network's.

    Source: Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual
    Metric", in its corrected version 0.1.
    """
    try:
        from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity
    except ImportError as error:
        raise ValueError("LPIPS needs a package: pip install torchmetrics") from error
    path = hub_file(ALEXNET)
    read_weights(path)  # torchvision, which reads it next, would run what a hostile file says
    try:
        network = LearnedPerceptualImagePatchSimilarity(net_type="alex").net
    except RuntimeError as error:
        raise ValueError(f"{path} holds the weights of another network than AlexNet") from error
    return Lpips(network)
