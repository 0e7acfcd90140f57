"""The embedder E."""

import itertools

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from network.components import DownBlock, SelfAttention, Stem, block_widths, blocks_to_4x4, sum_pool

ATTENTION_AFTER = 3  # the third down block, 32 x 32 pixels at 256


class Embedder(nn.Module):
    """Map frames of a person and their landmarks to one vector that says who it is (E).

    Args:
        image_size: side of the square images, pixels.
        channels, max_channels: width of the first and of the deepest blocks; the embedding has
            the width of the last block, 512 by default.
        attention: self-attention after the third down block.
        spectral_norm: on every layer.
        relu_skip: skips see relu(x), as in the authors' code.

    Source: Sec. 3.1 and 4 of the paper; the residual blocks are its references' (BigGAN).
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
        widths = block_widths(channels, max_channels, blocks_to_4x4(image_size))
        layers: list[nn.Module] = [Stem(6, widths[0], spectral_norm)]
        for inputs, outputs in itertools.pairwise(widths):
            layers.append(DownBlock(inputs, outputs, False, spectral_norm, relu_skip))
        if attention:
            layers.insert(ATTENTION_AFTER, SelfAttention(widths[2], spectral_norm))
        self.layers = nn.Sequential(*layers)
        self.embedding_size = widths[-1]

    def forward(self, image: Tensor, landmarks: Tensor) -> Tensor:
        """Embed single frames.

        Args:
            image, landmarks: (B, 3, H, W) in [-1, 1].

        Returns:
            (B, N) vectors, none negative.
        """
        return sum_pool(self.layers(torch.cat([landmarks, image], dim=1)))

    def embed_video(self, images: Tensor, landmarks: Tensor, checkpointed: bool = False) -> Tensor:
        """Embed K frames of each video: the mean of the frames' vectors (e-hat in the paper).

        Args:
            images, landmarks: (B, K, 3, H, W) in [-1, 1].
            checkpointed: keep no activations for the backward pass, but compute them again there,
                those of one frame of each video at a time: a K-th of the memory, half as much
                time again.

        Returns:
            (B, N).
        """
        if checkpointed:
            pairs = zip(images.unbind(1), landmarks.unbind(1), strict=True)
            frames = [checkpoint(self, *pair, use_reentrant=False) for pair in pairs]
            return torch.stack(frames).mean(dim=0)
        frames = self(images.flatten(0, 1), landmarks.flatten(0, 1))  # (B * K, N)
        return frames.unflatten(0, images.shape[:2]).mean(dim=1)
