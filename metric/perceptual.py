"""LPIPS: the distance of two images in the eyes of AlexNet."""

from torch import Tensor, nn

from metric.pixels import require_same_shape

LEAST_SIDE = 31  # pixels; AlexNet's last layer sees nothing of a smaller image


class Lpips(nn.Module):
    """Weighted distance of AlexNet's activations; frozen.

    Args:
        network: maps two batches in [-1, 1] to (B, 1, 1, 1); see `pretrained.lpips`.
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
