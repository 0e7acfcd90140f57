"""The discriminator D, and W, one learnt row for each training video."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from network.components import (
    DownBlock,
    ResidualBlock,
    SelfAttention,
    Stem,
    block_widths,
    blocks_to_4x4,
    sum_pool,
)
from network.spectral_norm import spectral_norm

ATTENTION_AFTER = 3  # the third down block, 32 x 32 pixels at 256
BLOCKS = 7  # down blocks and residual ones together: seven feature maps
ROW_LIMIT = 0.1  # rows of W start uniform in (-0.1, 0.1), as in the authors' code


class Critique(NamedTuple):
    """What the discriminator says of a batch of images."""

    score: Tensor
    """(B,) unbounded realism, r in the paper."""
    features: Sequence[Tensor]
    """One map (B, C, H, W) per block, the attention's output excepted."""


class Discriminator(nn.Module):
    """Judge whether an image is real, fits its landmarks and shows the given person (D).

    The score is v . identity + b, where v is what the convolutions (V) make of image and landmarks.
    The identity is W_i + w_0 in meta-learning and the vector w' in fine-tuning: it is passed in.

    Args:
        image_size: side of the square images, pixels.
        channels, max_channels: width of the first and of the deepest blocks.
        attention: self-attention after the third down block.
        spectral_norm: on every layer (never on W).
        relu_skip: skips see relu(x), as in the authors' code.

    Source: Sec. 3.1, Eq. 2 and Sec. 4 of the paper.
    """

    def __init__(
        self,
        *,
        image_size: int = 256,
        channels: int = 64,
        max_channels: int = 512,
        attention: bool = True,
        spectral_norm: bool = True,
        relu_skip: bool = False,
    ):
        super().__init__()
        down = blocks_to_4x4(image_size)
        widths = block_widths(channels, max_channels, down)
        blocks: list[nn.Module] = [Stem(6, widths[0], spectral_norm)]
        for inputs, outputs in itertools.pairwise(widths):
            blocks.append(DownBlock(inputs, outputs, False, spectral_norm, relu_skip))
        for _ in range(max(1, BLOCKS - down)):
            blocks.append(ResidualBlock(widths[-1], spectral_norm, relu_skip))
        self.blocks = nn.ModuleList(blocks)
        self.attention = SelfAttention(widths[2], spectral_norm) if attention else None
        self.linear = _linear(widths[-1], spectral_norm)

    def identity(self, rows: Tensor) -> Tensor:
        """Add w_0, in its normalised form, to rows of W or to embeddings: (B, N) -> (B, N)."""
        return rows + self.linear.weight  # w_0 is (1, N)

    def forward(self, image: Tensor, landmarks: Tensor, identity: Tensor) -> Critique:
        """Judge.

        Args:
            image, landmarks: (B, 3, H, W) in [-1, 1].
            identity: (B, N) or (1, N).
        """
        x = torch.cat([landmarks, image], dim=1)
        features = []
        for index, block in enumerate(self.blocks, 1):
            x = block(x)
            features.append(x)
            if self.attention is not None and index == ATTENTION_AFTER:
                x = self.attention(x)
        score = (sum_pool(x) * identity).sum(dim=1) + self.linear.bias
        return Critique(score, features)

    def judge_pair(
        self,
        fake: Tensor,
        real: Tensor,
        landmarks: Tensor,
        identity: Tensor,
        joint: bool = True,
    ) -> tuple[Critique, Critique]:
        """Judge a generated and a true image of the same landmarks, in one pass if `joint`."""
        if not joint:
            return self(fake, landmarks, identity), self(real, landmarks, identity)
        both = self(
            torch.cat([fake, real]),
            torch.cat([landmarks, landmarks]),
            identity.expand(len(fake), -1).repeat(2, 1),
        )
        fake_score, real_score = both.score.chunk(2)
        fake_maps, real_maps = zip(*(m.chunk(2) for m in both.features), strict=True)
        return Critique(fake_score, fake_maps), Critique(real_score, real_maps)


class VideoEmbeddings(nn.Embedding):
    """W: one row of N numbers for each training video, with sparse gradients.

    A step reads, differentiates and updates only the rows of its batch, so W costs the same for a
    hundred videos and for a million.
    """

    def __init__(self, videos: int, embedding_size: int = 512):
        super().__init__(videos, embedding_size, sparse=True)

    def reset_parameters(self) -> None:
        nn.init.uniform_(self.weight, -ROW_LIMIT, ROW_LIMIT)

    @torch.no_grad()
    def mean_norm(self) -> float:
        """Mean Euclidean length of a row; fine-tuning scales a new person's vector by it."""
        return self.weight.norm(dim=1).mean().item()


def _linear(inputs: int, norm: bool) -> nn.Module:
    """w_0 and b; w_0 is added to rows in float32."""
    return spectral_norm(nn.Linear(inputs, 1), norm, exact=True)
