"""The blocks that the networks are made of (Sec. 3.1 and 4 of the paper).

Skips resize by a mean or a copy of pixels, and a 1x1 convolution may change places with either: it
always runs on the smaller map, which gives the same values for a quarter of the work.
"""

import contextlib
from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from network.spectral_norm import spectral_norm
from system.resizing import downsample, upsample

NORM_EPS = 1e-4
FUSED_FROM = 64  # pixels of the larger map; measured on a CPU


def conv(inputs: int, outputs: int, kernel: int, bias: bool, norm: bool) -> nn.Module:
    """Convolution of stride 1 that keeps the size, with spectral norm if `norm`."""
    layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=bias)
    return spectral_norm(layer, norm)


def conv_down(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """A 3x3 convolution and the mean of 2x2 pixels as one 4x4 convolution of stride 2.

    The same values for 16 / 36 of the products, and the large map is never written (Karras et al.
    2018 do so too). Small maps have so many channels that making the kernel costs more.
    """
    if x.shape[-1] < FUSED_FROM:
        return downsample(layer(x))
    return F.conv2d(x, _widened(layer.weight), layer.bias, stride=2, padding=1)


def conv_up(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """Doubling the pixels and a 3x3 convolution as one transposed convolution, like `conv_down`."""
    if 2 * x.shape[-1] < FUSED_FROM:
        return layer(upsample(x))
    turned = layer.weight.flip(2, 3).transpose(0, 1)
    return F.conv_transpose2d(x, 4 * _widened(turned), layer.bias, stride=2, padding=1)


def _widened(kernel: Tensor) -> Tensor:
    """Mean of a 3x3 kernel at the four places where it fits into 4x4 pixels."""
    return F.avg_pool2d(F.pad(kernel, (1, 1, 1, 1)), 2, stride=1)


def sum_pool(x: Tensor) -> Tensor:
    """ReLU, then sum over the pixels: (B, C, H, W) -> (B, C), in float32.

    Differs from the paper, whose text sums first: this is the authors' code, without dead units.
    """
    return F.relu(x).float().sum(dim=(2, 3))


def instance_norm(x: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
    """Normalise each map, then scale and shift it.

    Statistics are in float32 whatever the maps are in. The batch is folded into the channels, so
    that the gain, unlike that of `F.instance_norm`, may differ between its members, and all of it
    is one pass.

    Args:
        x: (B, C, H, W).
        gain, bias: (B, C).
    """
    if torch.compiler.is_compiling():  # or exporting
        return _norm_as_formula(x, gain, bias)
    folded = F.batch_norm(
        x.reshape(1, -1, *x.shape[2:]), None, None, gain.flatten().float(), bias.flatten().float(),
        training=True, eps=NORM_EPS,
    )  # fmt: skip
    return folded.view(x.shape)


def _norm_as_formula(x: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
    """`instance_norm` for a compiler, which fuses it and leaves maps in channels last, or ONNX."""
    gain, bias = (values.float()[:, :, None, None] for values in (gain, bias))
    if Means.rows_first:
        centred = x - _mean_rows_first(x)
        variance = _mean_rows_first(centred**2)
    else:
        variance, mean = torch.var_mean(x.float(), dim=(2, 3), correction=0, keepdim=True)
        centred = x - mean
    return (centred * (gain * torch.rsqrt(variance + NORM_EPS)) + bias).to(x.dtype)


class Means:
    """How norms that are compiled or exported take means of maps."""

    rows_first = False


@contextlib.contextmanager
def means_rows_first() -> Iterator[None]:
    """In the block, networks are exported for ONNX Runtime.

    It adds up a map's 65,536 pixels with an error of 1e-3; rows first, it is as exact as PyTorch.
    """
    Means.rows_first = True
    try:
        yield
    finally:
        Means.rows_first = False


def _mean_rows_first(x: Tensor) -> Tensor:
    return x.mean(dim=3, keepdim=True).mean(dim=2, keepdim=True)


class InstanceNorm(nn.Module):
    """Instance normalisation with a learnt gain and bias."""

    def __init__(self, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        batch = x.shape[0]  # not len(x), which would fix it in an exported graph
        return instance_norm(x, self.weight.expand(batch, -1), self.bias.expand(batch, -1))


class AdaIN(nn.Module):
    """Instance normalisation whose gain and bias are a slice of the style (Huang & Belongie 2017).

    Args:
        channels: C; the slice has 2 C numbers, the biases first, then the gains.
        gain_offset: added to the gains; with 0, as in the authors' code, blocks start almost
            switched off, since a fresh style has mean 0.
    """

    def __init__(self, channels: int, gain_offset: float = 0.0):
        super().__init__()
        self.style_size = 2 * channels
        self.gain_offset = gain_offset

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        bias, gain = style.float().chunk(2, dim=1)  # (B, C) each
        return instance_norm(x, gain + self.gain_offset if self.gain_offset else gain, bias)


class SelfAttention(nn.Module):
    """Every pixel looks at every other one (Zhang et al. 2019, SAGAN); starts as the identity."""

    def __init__(self, channels: int, spectral_norm: bool = True):
        super().__init__()
        self.query = conv(channels, channels // 8, 1, bias=True, norm=spectral_norm)
        self.key = conv(channels, channels // 8, 1, bias=True, norm=spectral_norm)
        self.value = conv(channels, channels, 1, bias=True, norm=spectral_norm)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            layer(x).flatten(2).transpose(1, 2)[:, None]  # (B, 1, HW, C / 8) or (B, 1, HW, C)
            for layer in (self.query, self.key, self.value)
        )
        # Fused kernels, which never hold the HW x HW matrix, want equal widths; zeros add nothing.
        q, k = (F.pad(x, (0, v.shape[-1] - x.shape[-1])) for x in (q, k))
        seen = F.scaled_dot_product_attention(q, k, v, scale=1.0)
        return x + self.gamma * seen[:, 0].transpose(1, 2).reshape(x.shape)


class Stem(nn.Module):
    """First down block: reads the image itself, so nothing is normalised or rectified before it."""

    def __init__(self, inputs: int, outputs: int, spectral_norm: bool = True):
        super().__init__()
        self.conv1 = conv(inputs, outputs, 3, bias=True, norm=spectral_norm)
        self.conv2 = conv(outputs, outputs, 3, bias=True, norm=spectral_norm)
        self.skip = conv(inputs, outputs, 1, bias=True, norm=spectral_norm)

    def forward(self, x: Tensor) -> Tensor:
        return conv_down(self.conv2, F.relu(self.conv1(x))) + self.skip(downsample(x))


class DownBlock(nn.Module):
    """Pre-activated residual block that halves the size.

    Args:
        inputs, outputs: channels.
        normalized: instance norm before each ReLU (the generator); none otherwise.
        relu_skip: let the skip see relu(x), as the authors' in-place ReLU makes it do.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        normalized: bool,
        spectral_norm: bool = True,
        relu_skip: bool = False,
    ):
        super().__init__()
        self.relu_skip = relu_skip
        self.norm1 = InstanceNorm(inputs) if normalized else nn.Identity()
        self.conv1 = conv(inputs, outputs, 3, bias=not normalized, norm=spectral_norm)
        self.norm2 = InstanceNorm(outputs) if normalized else nn.Identity()
        self.conv2 = conv(outputs, outputs, 3, bias=not normalized, norm=spectral_norm)
        self.skip = conv(inputs, outputs, 1, bias=True, norm=spectral_norm)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(x) if self.relu_skip else x
        h = self.conv1(F.relu(self.norm1(x)))
        h = conv_down(self.conv2, F.relu(self.norm2(h)))
        return h + self.skip(downsample(x))


class ResidualBlock(nn.Module):
    """Pre-activated residual block without norm that keeps size and channels."""

    def __init__(self, channels: int, spectral_norm: bool = True, relu_skip: bool = False):
        super().__init__()
        self.relu_skip = relu_skip
        self.conv1 = conv(channels, channels, 3, bias=True, norm=spectral_norm)
        self.conv2 = conv(channels, channels, 3, bias=True, norm=spectral_norm)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(x) if self.relu_skip else x
        return x + self.conv2(F.relu(self.conv1(F.relu(x))))


class StyledBlock(nn.Module):
    """Residual block whose two norms are AdaIN; doubles the size if `up`."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        up: bool,
        spectral_norm: bool = True,
        gain_offset: float = 0.0,
    ):
        super().__init__()
        if not up and inputs != outputs:
            raise ValueError(f"a block that keeps the size keeps {inputs} channels, got {outputs}")
        self.up = up
        self.norm1 = AdaIN(inputs, gain_offset)
        self.conv1 = conv(inputs, outputs, 3, bias=False, norm=spectral_norm)
        self.norm2 = AdaIN(outputs, gain_offset)
        self.conv2 = conv(outputs, outputs, 3, bias=False, norm=spectral_norm)
        self.skip = conv(inputs, outputs, 1, bias=True, norm=spectral_norm) if up else None
        self.style_sizes = (self.norm1.style_size, self.norm2.style_size)
        self.style_size = sum(self.style_sizes)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        style1, style2 = style.split(self.style_sizes, dim=1)
        h = F.relu(self.norm1(x, style1))
        h = conv_up(self.conv1, h) if self.up else self.conv1(h)
        h = self.conv2(F.relu(self.norm2(h, style2)))
        return h + (upsample(self.skip(x)) if self.up else x)


def block_widths(channels: int, max_channels: int, blocks: int) -> Sequence[int]:
    """Channels after each of `blocks` down blocks: doubling from `channels` to `max_channels`."""
    return [min(channels * 2**i, max_channels) for i in range(blocks)]


def blocks_to_4x4(image_size: int) -> int:
    """Down blocks between an image and the last 4 x 4 map (7 x 7 at 224 pixels).

    Raises:
        ValueError: the size is below 64 or no multiple of 32.
    """
    if image_size < 64 or image_size % 32:
        raise ValueError(f"image_size must be a multiple of 32 from 64 on, got {image_size}")
    return image_size.bit_length() - 3
