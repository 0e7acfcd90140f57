"""LPIPS' network: AlexNet, with weights that say which of its differences people see."""

from torch import nn

from system.weights import fetch, read_weights

ALEXNET = "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"


def load_lpips() -> nn.Module:
    """Load LPIPS 0.1 with AlexNet; its own weights come with torchmetrics, AlexNet's from the hub.

    Returns:
        A frozen network of two batches of images (B, 3, H, W) in [-1, 1]: (B, 1, 1, 1).

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
    path = fetch(ALEXNET)
    read_weights(path)  # torchvision, which reads it next, would run what a hostile file says
    try:
        network = LearnedPerceptualImagePatchSimilarity(net_type="alex").net
    except RuntimeError as error:
        raise ValueError(f"{path} holds the weights of another network than AlexNet") from error
    return network.eval().requires_grad_(False)
