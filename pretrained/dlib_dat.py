"""Read a network that dlib stored (`.dat`): its layers and weights, and nothing that runs.

Integers are a control byte, with the sign in its highest bit and the number of bytes in its lower
four, and these bytes, little-endian. A real number is an integer and its binary exponent, a flag
the letter 1 or 0, a string its length and bytes. A tensor is a version, four sizes and IEEE floats.

Layers enclose each other, the outermost first: so there come their versions, then the input, then
what each layer holds, in the order in which a picture passes.

Source: dlib 20, `serialize.h`, `dnn/core.h`, `dnn/layers.h`, `cuda/tensor_tools.cpp`.
"""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

LOSS, INPUT = "loss_metric_2", "input_rgb_image_sized"
TAG, LAYER, BOTTOM = 1, 2, 3  # versions: a mark that holds nothing, a layer, the one at the input
LONGEST_NAME = 64
MOST_LAYERS = 1000


class Layer(NamedTuple):
    """One layer as it is stored."""

    kind: str
    """dlib's name, such as con_4, affine_, relu_, max_pool_2, avg_pool_2, add_prev_, fc_2."""
    weights: tuple[Tensor, ...] = ()
    """Weight and bias of con_4, (N, C, h, w) and (N,); scale and shift of affine_, (C,) each; the
    matrix of fc_2, (inputs, outputs)."""
    geometry: tuple[int, ...] = ()
    """Stride and padding of con_4; window, stride and padding of a pool; vertical ones first."""


class StoredNetwork(NamedTuple):
    """A network as it is stored."""

    mean: tuple[float, float, float]
    """What is subtracted of red, green and blue, 0 to 255."""
    size: tuple[int, int]
    """Height and width of its pictures."""
    layers: tuple[Layer, ...]
    """In the order in which a picture passes."""


def read_network(path: Path) -> StoredNetwork:
    """Read a network for metric learning of RGB pictures.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is another file, or damaged.
    """
    path = Path(path)
    try:
        return _read(_Stream(path.read_bytes()))
    except _DamageError as error:
        raise ValueError(
            f"{path} is not a whole file of dlib's face recognition: {error}"
        ) from None


def _read(stream: "_Stream") -> StoredNetwork:
    stream.expect("version of the loss", stream.integer(), 1)
    stream.expect("loss", stream.name(), LOSS)
    stream.number(), stream.number()  # margin and distance of its training
    layers = 1
    while (version := stream.integer()) != BOTTOM:
        if version not in (TAG, LAYER):
            raise _DamageError(f"a layer of version {version} at byte {stream.place}")
        layers += version == LAYER
        if layers > MOST_LAYERS:
            raise _DamageError(f"more than {MOST_LAYERS} layers")
    stream.expect("input", stream.name(), INPUT)
    mean = tuple(stream.number() for _ in range(3))
    size = stream.integer(), stream.integer()
    stored = [_read_layer(stream)]
    stream.expect("pictures of a sample", stream.integer(), 1)
    stored += [_read_layer(stream) for _ in range(layers - 1)]
    if stream.left:
        raise _DamageError(f"{stream.left} bytes too many")
    return StoredNetwork(mean, size, tuple(stored))


def _read_layer(stream: "_Stream") -> Layer:
    kind = stream.name()
    if kind not in KINDS:
        raise _DamageError(f"an unknown layer {kind!r} at byte {stream.place}")
    layer = Layer(kind, *KINDS[kind](stream))
    for _ in range(3):
        stream.flag()
    for _ in range(3):  # gradients and output, which are empty
        stream.expect("what training left", stream.tensor().numel(), 0)
    return layer


def _convolution(stream: "_Stream") -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
    weights = stream.tensor()
    filters, height, width, *geometry = (stream.integer() for _ in range(7))
    shapes = stream.shape(), stream.shape()
    stream.expect("filters", shapes[0][:1] + shapes[0][2:], (filters, height, width))
    stream.expect("biases", shapes[1], (1, filters, 1, 1))
    _multipliers(stream)
    weight, bias = stream.parts(weights, shapes)
    return (weight, bias.flatten()), tuple(geometry)


def _affine(stream: "_Stream") -> tuple[tuple[Tensor, ...]]:
    weights = stream.tensor()
    shapes = stream.shape(), stream.shape()
    stream.integer()  # for maps or for vectors: the shapes tell
    return (tuple(part.flatten() for part in stream.parts(weights, shapes)),)


def _linear(stream: "_Stream") -> tuple[tuple[Tensor, ...]]:
    outputs, inputs = stream.integer(), stream.integer()
    weights = stream.tensor()
    shapes = stream.shape(), stream.shape()
    stream.expect("matrix", shapes[0], (inputs, outputs, 1, 1))
    stream.integer()  # with biases or without: the shapes tell
    _multipliers(stream)
    matrix, bias = stream.parts(weights, shapes)
    stream.expect("biases", bias.numel(), 0)
    return ((matrix.flatten(1),),)


def _pool(stream: "_Stream") -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
    return (), tuple(stream.integer() for _ in range(6))


def _nothing(stream: "_Stream") -> tuple[()]:
    return ()


def _multipliers(stream: "_Stream") -> None:
    for _ in range(4):  # of learning rate and weight decay
        stream.number()


KINDS = {
    "con_4": _convolution,
    "affine_": _affine,
    "fc_2": _linear,
    "max_pool_2": _pool,
    "avg_pool_2": _pool,
    "relu_": _nothing,
    "add_prev_": _nothing,
}


class _DamageError(Exception):
    """What is wrong with the bytes."""


class _Stream:
    """Bytes, read one value after the other; each is checked before it is used."""

    def __init__(self, data: bytes):
        self.data = data
        self.place = 0

    @property
    def left(self) -> int:
        return len(self.data) - self.place

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise _DamageError(f"it ends at byte {len(self.data)}, {count - self.left} too early")
        self.place += count
        return self.data[self.place - count : self.place]

    def expect(self, what: str, given: object, wanted: object) -> None:
        if given != wanted:
            raise _DamageError(f"{what} must be {wanted!r}, got {given!r} at byte {self.place}")

    def integer(self) -> int:
        (control,) = self.take(1)
        size = control & 0x0F
        if control & 0x70 or not 1 <= size <= 8:
            raise _DamageError(f"no integer at byte {self.place - 1}")
        value = int.from_bytes(self.take(size), "little")
        return -value if control & 0x80 else value

    def number(self) -> float:
        mantissa, exponent = self.integer(), self.integer()
        try:
            return math.ldexp(mantissa, exponent)
        except OverflowError:
            raise _DamageError(f"a number is not finite at byte {self.place}") from None

    def flag(self) -> bool:
        letter = self.take(1)
        if letter not in (b"0", b"1"):
            raise _DamageError(f"no flag at byte {self.place - 1}")
        return letter == b"1"

    def name(self) -> str:
        length = self.integer()
        if not 0 <= length <= LONGEST_NAME:
            raise _DamageError(f"no name at byte {self.place}")
        return self.take(length).decode("ascii", errors="replace")

    def sizes(self) -> tuple[int, ...]:
        sizes = tuple(self.integer() for _ in range(4))
        if min(sizes) < 0:
            raise _DamageError(f"sizes {sizes} at byte {self.place}")
        return sizes

    def shape(self) -> tuple[int, ...]:
        self.expect("version of a shape", self.integer(), 1)
        return self.sizes()

    def tensor(self) -> Tensor:
        self.expect("version of a tensor", self.integer(), 2)
        values = np.frombuffer(self.take(4 * math.prod(self.sizes())), "<f4")
        if not np.isfinite(values).all():
            raise _DamageError(f"weights before byte {self.place} are not finite")
        return torch.from_numpy(values.astype(np.float32))

    def parts(self, weights: Tensor, shapes: tuple[tuple[int, ...], ...]) -> list[Tensor]:
        """Cut a layer's weights into its parts."""
        counts = [math.prod(shape) for shape in shapes]
        self.expect("count of weights", sum(counts), len(weights))
        parts = zip(weights.split(counts), shapes, strict=True)
        return [part.reshape(shape) for part, shape in parts]
