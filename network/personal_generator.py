"""A generator bound to one person."""

import torch
from torch import Tensor, nn

from network.generator import Generator


class PersonalGenerator(nn.Module):
    """What fine-tuning trains and inference runs: the generator and one person's style.

    Args:
        generator: G. It is held, not copied; its projection is not used.
        style: (1, S), psi' in the paper. As a parameter it no longer depends on any image.

    Source: Sec. 3.3 of the paper.
    """

    def __init__(self, generator: Generator, style: Tensor):
        super().__init__()
        if style.shape != (1, generator.style_size):
            raise ValueError(
                f"style must have shape (1, {generator.style_size}), got {tuple(style.shape)}"
            )
        self.generator = generator
        self.style = nn.Parameter(style.detach().clone())

    def forward(self, landmarks: Tensor) -> Tensor:
        """Draw landmark images (B, 3, H, W) in [-1, 1] as images of the same shape and range."""
        return self.generator(landmarks, self.style.expand(landmarks.shape[0], -1))

    @torch.no_grad()
    def draw(self, landmarks: Tensor) -> Tensor:
        """Draw without a graph and with all learnt statistics as they stand."""
        training = self.training
        self.eval()
        try:
            return self(landmarks)
        finally:
            self.train(training)
