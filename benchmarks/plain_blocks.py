"""The networks' blocks as the reference specification writes them, with nothing rearranged.

What `benchmarks.train_step` starts from, and what tests hold the library's blocks against. Each
function computes what the block's own forward pass does, from its parameters.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from network.components import (
    NORM_EPS,
    AdaIN,
    DownBlock,
    InstanceNorm,
    SelfAttention,
    Stem,
    StyledBlock,
)
from system.resizing import upsample


def adain(block: AdaIN, x: Tensor, style: Tensor) -> Tensor:
    bias, gain = style.float()[:, :, None, None].chunk(2, dim=1)
    return F.instance_norm(x.float(), eps=NORM_EPS) * (gain + block.gain_offset) + bias


def instance_norm(block: InstanceNorm, x: Tensor) -> Tensor:
    return F.instance_norm(x.float(), weight=block.weight, bias=block.bias, eps=NORM_EPS)


def attention(block: SelfAttention, x: Tensor) -> Tensor:
    q, k, v = (layer(x).float().flatten(2) for layer in (block.query, block.key, block.value))
    weights = torch.softmax(q.transpose(1, 2) @ k, dim=-1)  # (B, queries, keys)
    return x + block.gamma * (v @ weights.transpose(1, 2)).reshape(x.shape)


def mean(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 2)


def stem(block: Stem, x: Tensor) -> Tensor:
    return mean(block.conv2(F.relu(block.conv1(x)))) + mean(block.skip(x))


def down_block(block: DownBlock, x: Tensor) -> Tensor:
    h = block.conv1(F.relu(block.norm1(x)))
    h = block.conv2(F.relu(block.norm2(h)))
    return mean(h) + mean(block.skip(x))


def styled_block(block: StyledBlock, x: Tensor, style: Tensor) -> Tensor:
    style1, style2 = style.split(block.style_sizes, dim=1)
    h = F.relu(block.norm1(x, style1))
    h = block.conv1(upsample(h) if block.up else h)
    h = block.conv2(F.relu(block.norm2(h, style2)))
    return h + (block.skip(upsample(x)) if block.up else x)


PLAIN = {
    AdaIN: adain,
    InstanceNorm: instance_norm,
    SelfAttention: attention,
    Stem: stem,
    DownBlock: down_block,
    StyledBlock: styled_block,
}


def use_plain_blocks() -> None:
    """Make all blocks of this process compute the plain way."""
    for block, forward in PLAIN.items():
        block.forward = forward
