"""The blocks against the reference specification's formulas (Sec. 2.2), written out."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from network.components import FUSED_FROM, NORM_EPS, DownBlock, Stem, StyledBlock


def literal_norm(x: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
    mean = x.mean(dim=(2, 3), keepdim=True)
    variance = ((x - mean) ** 2).mean(dim=(2, 3), keepdim=True)
    return (x - mean) / (variance + NORM_EPS).sqrt() * gain[..., None, None] + bias[..., None, None]


def agree(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.fixture(params=[8, FUSED_FROM // 2, FUSED_FROM])
def x(request) -> Tensor:
    torch.manual_seed(0)
    return torch.randn(3, 6, request.param, request.param)


def test_the_stem_convolves_and_then_pools_both_branches(x):
    stem = Stem(6, 10)
    main = F.avg_pool2d(stem.conv2(F.relu(stem.conv1(x))), 2)
    agree(stem.eval()(x), main + F.avg_pool2d(stem.skip(x), 2))


@pytest.mark.parametrize("normalized", [False, True])
def test_a_down_block_convolves_and_then_pools_both_branches(x, normalized):
    block = DownBlock(6, 10, normalized).eval()
    h = x
    for norm, conv in ((block.norm1, block.conv1), (block.norm2, block.conv2)):
        if normalized:
            torch.nn.init.normal_(norm.weight)
            torch.nn.init.normal_(norm.bias)
            h = literal_norm(h, norm.weight[None], norm.bias[None])
        h = conv(F.relu(h))
    agree(block(x), F.avg_pool2d(h, 2) + F.avg_pool2d(block.skip(x), 2))


@pytest.mark.parametrize("up", [False, True])
def test_a_styled_block_upsamples_and_then_convolves_both_branches(x, up):
    block = StyledBlock(6, 10 if up else 6, up).eval()
    style = torch.randn(3, block.style_size)
    widths = (6, 6, block.conv2.out_channels, block.conv2.out_channels)
    bias1, gain1, bias2, gain2 = style.split(widths, dim=1)

    def resize(image: Tensor) -> Tensor:
        return F.interpolate(image, scale_factor=2.0) if up else image

    h = block.conv1(resize(F.relu(literal_norm(x, gain1, bias1))))
    h = block.conv2(F.relu(literal_norm(h, gain2, bias2)))
    agree(block(x, style), h + (block.skip(resize(x)) if up else x))


def test_norms_take_their_statistics_in_float32_even_of_bfloat16_maps():
    block = StyledBlock(4, 4, False)
    maps = torch.randn(2, 4, 32, 32) * 3 + 40  # mean far from 0: bfloat16 sums would be off
    maps = maps.bfloat16()
    style = torch.cat([torch.zeros(2, 4), torch.ones(2, 4)], dim=1)
    found = block.norm1(maps, style)
    wanted = literal_norm(maps.float(), torch.ones(2, 4), torch.zeros(2, 4))
    torch.testing.assert_close(found.float(), wanted, rtol=2e-2, atol=2e-2)
