"""The generator G and the projection P from embeddings to its styles."""

import itertools
import math

import torch.nn.functional as F
from torch import Tensor, nn

from network.components import (
    AdaIN,
    DownBlock,
    SelfAttention,
    Stem,
    StyledBlock,
    block_widths,
    conv,
)
from network.spectral_norm import spectral_norm

RESIDUAL_BLOCKS = 4
ATTENTION_AFTER_UP = 2  # 64 x 64 pixels above a bottleneck of 16


class Generator(nn.Module):
    """Draw a person, given as a style, in the pose of a landmark image (G).

    Args:
        image_size: side of the square images, pixels.
        bottleneck: side of the innermost maps, about; there are as many down and up blocks as come
            nearest to it, four at 256 pixels.
        channels, max_channels: width of the outermost and of the innermost blocks.
        embedding_size: N, the length of the embeddings that `project` takes.
        attention: self-attention before the last down block and after the second up block.
        spectral_norm: on every layer, the projection included.
        gain_offset: added to every AdaIN gain.

    Raises:
        ValueError: the image is not at least four times as large as the bottleneck, or cannot be
            halved so often.

    Source: Sec. 3.1 and 4 of the paper (Johnson et al. with residual blocks and AdaIN). The
    paper has 256 pixels only; four blocks at 64 would leave maps of 4 x 4, which hold no eyelid.
    """

    def __init__(
        self,
        *,
        image_size: int = 256,
        bottleneck: int = 16,
        channels: int = 64,
        max_channels: int = 512,
        embedding_size: int = 512,
        attention: bool = True,
        spectral_norm: bool = True,
        gain_offset: float = 0.0,
    ):
        super().__init__()
        widths = block_widths(channels, max_channels, _down_blocks(image_size, bottleneck))
        down: list[nn.Module] = [Stem(3, widths[0], spectral_norm)]
        for inputs, outputs in itertools.pairwise(widths):
            down.append(DownBlock(inputs, outputs, True, spectral_norm))
        if attention:
            down.insert(-1, SelfAttention(widths[-2], spectral_norm))
        self.down = nn.Sequential(*down)

        bottom = widths[-1]
        residual = [
            StyledBlock(bottom, bottom, False, spectral_norm, gain_offset)
            for _ in range(RESIDUAL_BLOCKS)
        ]
        up_widths = [bottom, *reversed(widths)]
        up = [
            StyledBlock(inputs, outputs, True, spectral_norm, gain_offset)
            for inputs, outputs in itertools.pairwise(up_widths)
        ]
        self.styled = nn.ModuleList(residual + up)
        self.attention = (
            SelfAttention(up_widths[ATTENTION_AFTER_UP], spectral_norm) if attention else None
        )
        self.norm = AdaIN(widths[0], gain_offset)
        self.to_rgb = conv(widths[0], 3, 3, bias=True, norm=spectral_norm)

        self.style_sizes = [block.style_size for block in self.styled] + [self.norm.style_size]
        self.projection = _projection(embedding_size, sum(self.style_sizes), spectral_norm)

    @property
    def style_size(self) -> int:
        """S: how many AdaIN biases and gains there are, 13,056 for the paper's generator."""
        return sum(self.style_sizes)

    def project(self, embedding: Tensor) -> Tensor:
        """Turn embeddings (B, N) into styles (B, S): psi-hat = P e-hat (Sec. 3.1)."""
        return self.projection(embedding)

    def forward(self, landmarks: Tensor, style: Tensor) -> Tensor:
        """Draw.

        Args:
            landmarks: (B, 3, H, W) in [-1, 1].
            style: (B, S).

        Returns:
            (B, 3, H, W) in [-1, 1], float32.
        """
        *styles, last_style = style.float().split(self.style_sizes, dim=1)
        x = self.down(landmarks)
        for index, (block, block_style) in enumerate(zip(self.styled, styles, strict=True), 1):
            x = block(x, block_style)
            if self.attention is not None and index == RESIDUAL_BLOCKS + ATTENTION_AFTER_UP:
                x = self.attention(x)
        return self.to_rgb(F.relu(self.norm(x, last_style))).float().tanh()


def _down_blocks(image_size: int, bottleneck: int) -> int:
    if image_size < 4 * bottleneck:
        raise ValueError(f"bottleneck must be at most {image_size // 4}, got {bottleneck}")
    blocks = round(math.log2(image_size / bottleneck))
    if image_size % 2**blocks:
        raise ValueError(
            f"image_size must be a multiple of {2**blocks} for a bottleneck of {bottleneck}, "
            f"got {image_size}"
        )
    return blocks


def _projection(embedding_size: int, style_size: int, norm: bool) -> nn.Module:
    """P: one linear layer with bias."""
    return spectral_norm(nn.Linear(embedding_size, style_size), norm)
