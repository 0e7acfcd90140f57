"""The blocks against the reference specification's formulas (Sec. 2.2), written out."""

import pytest
import torch
from torch import Tensor

from benchmarks import plain_blocks
from network.components import (
    FUSED_FROM,
    NORM_EPS,
    AdaIN,
    DownBlock,
    InstanceNorm,
    SelfAttention,
    Stem,
    StyledBlock,
    instance_norm,
)


def agree(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def literal_norm(x: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
    mean = x.mean(dim=(2, 3), keepdim=True)
    variance = ((x - mean) ** 2).mean(dim=(2, 3), keepdim=True)
    return (x - mean) / (variance + NORM_EPS).sqrt() * gain[..., None, None] + bias[..., None, None]


@pytest.fixture(params=[8, FUSED_FROM // 2, FUSED_FROM])
def x(request) -> Tensor:
    torch.manual_seed(0)
    return torch.randn(3, 6, request.param, request.param)


def test_the_stem_convolves_and_then_pools_both_branches(x):
    stem = Stem(6, 10)
    agree(stem(x), plain_blocks.stem(stem, x))


@pytest.mark.parametrize("normalized", [False, True])
def test_a_down_block_convolves_and_then_pools_both_branches(x, normalized):
    block = DownBlock(6, 10, normalized)
    agree(block(x), plain_blocks.down_block(block, x))


@pytest.mark.parametrize("up", [False, True])
def test_a_styled_block_upsamples_and_then_convolves_both_branches(x, up):
    block = StyledBlock(6, 10 if up else 6, up)
    style = torch.randn(3, block.style_size)
    agree(block(x, style), plain_blocks.styled_block(block, x, style))


def test_attention_equals_its_explicit_form_and_starts_as_the_identity():
    torch.manual_seed(0)
    block, x = SelfAttention(16), torch.randn(2, 16, 5, 6)
    assert torch.equal(block(x), x)
    torch.nn.init.constant_(block.gamma, 0.7)
    assert (block(x) - x).abs().max() > 0.01
    agree(block(x), plain_blocks.attention(block, x))


def test_norms_equal_their_formula_written_out_and_the_plain_ones(x):
    style = torch.randn(3, 12)
    bias, gain = style.chunk(2, dim=1)
    for offset in (0.0, 1.0):
        norm = AdaIN(6, offset)
        agree(norm(x, style), literal_norm(x, gain + offset, bias))
        agree(plain_blocks.adain(norm, x, style), literal_norm(x, gain + offset, bias))
    norm = InstanceNorm(6)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    agree(norm(x), literal_norm(x, norm.weight[None], norm.bias[None]))
    agree(plain_blocks.instance_norm(norm, x), norm(x))


def test_a_compiled_norm_equals_the_plain_one_with_its_gradients(x):
    parts = [x.clone(), torch.randn(3, 6), torch.randn(3, 6)]
    compiled = torch.compile(instance_norm, backend="aot_eager")
    found = []
    for norm in (instance_norm, compiled):
        variables = [part.clone().requires_grad_() for part in parts]
        maps = norm(*variables)
        found.append([maps, *torch.autograd.grad((maps * x.flip(0)).sum(), variables)])
    agree(*found)
    assert compiled(x.bfloat16(), *parts[1:]).dtype == torch.bfloat16


def test_norms_take_their_statistics_in_float32_even_of_bfloat16_maps():
    torch.manual_seed(0)
    maps = torch.randn(2, 4, 32, 32) * 3 + 40  # mean far from 0: bfloat16 sums would be off
    maps = maps.bfloat16()
    style = torch.cat([torch.zeros(2, 4), torch.ones(2, 4)], dim=1)
    found = AdaIN(4)(maps, style)
    wanted = literal_norm(maps.float(), torch.ones(2, 4), torch.zeros(2, 4))
    torch.testing.assert_close(found.float(), wanted, rtol=2e-2, atol=2e-2)
