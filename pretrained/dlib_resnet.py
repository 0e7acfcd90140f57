"""dlib's network of 29 convolutions, trained to tell people apart; public domain, CC0."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pretrained.dlib_dat import StoredNetwork, read_network
from pretrained.dlib_files import model_file
from pretrained.framing import Framing
from system.resizing import downsample
from system.weights import wanted_weights

FILE = "dlib_face_recognition_resnet_model_v1.dat"
SIZE = 150
DEPTH = 256.0  # grey values are divided by it

# Of the bridge and tip of the nose, the eyes and the upper lip: where the mean face has them, its
# outer width being 1. Source: dlib, `get_face_chip_details` in `interpolation.h`.
MEAN_FACE = {
    27: (0.490127, 0.203352), 28: (0.490127, 0.307009), 29: (0.490127, 0.409805),
    30: (0.490127, 0.515625), 31: (0.36688, 0.587326), 32: (0.426036, 0.609345),
    33: (0.490127, 0.628106), 34: (0.554217, 0.609345), 35: (0.613373, 0.587326),
    36: (0.121737, 0.216423), 37: (0.187122, 0.178758), 38: (0.265825, 0.179852),
    39: (0.334606, 0.231733), 40: (0.260918, 0.245099), 41: (0.182743, 0.244077),
    42: (0.645647, 0.231733), 43: (0.714428, 0.179852), 44: (0.793132, 0.178758),
    45: (0.858516, 0.216423), 46: (0.79751, 0.244077), 47: (0.719335, 0.245099),
    48: (0.254149, 0.780233), 49: (0.340985, 0.745405), 50: (0.428858, 0.727388),
    51: (0.490127, 0.742578), 52: (0.551395, 0.727388), 53: (0.639268, 0.745405),
    54: (0.726104, 0.780233), 60: (0.290379, 0.784792), 61: (0.428096, 0.778746),
    62: (0.490127, 0.785343), 63: (0.552157, 0.778746), 64: (0.689874, 0.784792),
}  # fmt: skip
# To this side a picture is brought whose face fills it as those of `dataset` do: 219 would give
# faces of the crops' size (the median of 68 clips of real people; drawn heads 216), and of 227 the
# stages halve 55 pixels to 27, 13 and 6 without filling up, as they do in crops.
WHOLE = 227
PADDING = 0.25  # left free on each side of that face
FRAMING = Framing(
    SIZE,
    {
        (number,): tuple((side + PADDING) / (1 + 2 * PADDING) * SIZE - 0.5 for side in place)
        for number, place in MEAN_FACE.items()
    },
    fitted_in_picture=True,
)

# Of each stage: its width, and the strides of its residual blocks.
STAGES = ((32, (1, 1, 1)), (64, (2, 1, 1, 1)), (128, (2, 1, 1)), (256, (2, 1, 1)), (256, (2,)))
DESCRIPTOR = 128


class DlibResNet(nn.Module):
    """dlib's face recognition; frozen, differentiable with respect to its input.

    Args:
        stored: as `read_network` gives it.
        source: where it comes from, for the message.

    Raises:
        ValueError: it is another network.

    Source: King 2017, "High Quality Face Recognition with Deep Metric Learning"; dlib's example
    `dnn_face_recognition_ex.cpp`. A learnt scale and shift, which follow each convolution there,
    are part of it here.
    """

    name = "dlib"
    framing = FRAMING
    same_person = 0.6

    def __init__(self, stored: StoredNetwork, source: object = "dlib"):
        super().__init__()
        with torch.device("meta"):
            self.stem = nn.Conv2d(3, STAGES[0][0], 7, stride=2)
            widths = [STAGES[0][0], *(width for width, _ in STAGES)]
            self.stages = nn.ModuleList(
                _stage(inputs, width, strides)
                for inputs, (width, strides) in zip(widths, STAGES, strict=False)
            )
            self.head = nn.Linear(widths[-1], DESCRIPTOR, bias=False)
        self.load_state_dict(
            wanted_weights(self._state(stored, source), self.state_dict(), source), assign=True
        )
        self.requires_grad_(False)
        self.register_buffer("mean", torch.tensor(stored.mean)[:, None, None])

    def forward(self, crops: Tensor) -> Tensor:
        """Describe aligned faces (B, 3, 150, 150) in [-1, 1]: (B, 128).

        Two descriptors of one person are mostly nearer to each other than 0.6.
        """
        return self.head(self.maps(crops)[-1].mean((2, 3)))

    def maps(self, images: Tensor) -> list[Tensor]:
        """Return what each stage makes of images (B, 3, H, W) in [-1, 1] of any size from 96.

        Returns:
            Five maps, 32, 64, 128, 256 and 256 channels wide; of 35, 17, 8, 4 and 2 pixels for
            images of 150.
        """
        x = (127.5 * (images.to(self.mean.dtype) + 1) - self.mean) / DEPTH
        x = F.max_pool2d(F.relu(self.stem(x)), 3, stride=2)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps

    def _state(self, stored: StoredNetwork, source: object) -> dict[str, Tensor]:
        """Give the weights their names here."""
        if [(layer.kind, layer.geometry) for layer in stored.layers] != self._layers():
            raise ValueError(f"{source} holds another network than dlib's face recognition")
        weights = {
            kind: [layer.weights for layer in stored.layers if layer.kind == kind]
            for kind in ("con_4", "affine_", "fc_2")
        }
        state = {"head.weight": weights["fc_2"][0][0].T}
        names = [name for name, part in self.named_modules() if isinstance(part, nn.Conv2d)]
        for name, (weight, bias), (scale, shift) in zip(
            names, weights["con_4"], weights["affine_"], strict=True
        ):
            if not scale.shape == shift.shape == bias.shape:
                raise ValueError(f"{source} has a scale of another width than its convolution")
            state[f"{name}.weight"] = scale[:, None, None, None] * weight
            state[f"{name}.bias"] = scale * bias + shift
        return state

    def _layers(self) -> list[tuple[str, tuple[int, ...]]]:
        """Kinds and geometries of all layers, as dlib stores them."""
        layers = [*_convolution(self.stem), ("relu_", ()), ("max_pool_2", (3, 3, 2, 2, 0, 0))]
        for block in (block for stage in self.stages for block in stage):
            layers += [*_convolution(block.first), ("relu_", ()), *_convolution(block.second)]
            layers += [("avg_pool_2", (2, 2, 2, 2, 0, 0))] if block.first.stride[0] > 1 else []
            layers += [("add_prev_", ()), ("relu_", ())]
        return [*layers, ("avg_pool_2", (0, 0, 1, 1, 0, 0)), ("fc_2", ())]


class DlibFeatures(nn.Module):
    """What the stages of dlib's face recognition make of whole pictures of a face; frozen.

    The picture is not aligned: two that are compared show the face in the same place.
    """

    def __init__(self, network: DlibResNet):
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the five maps of `DlibResNet.maps`, of images (B, 3, H, W) in [-1, 1]."""
        image = F.interpolate(image.float(), (WHOLE, WHOLE), mode="bilinear", align_corners=False)
        return self.network.maps(image)


class ResidualBlock(nn.Module):
    """Two convolutions beside a way around them, which a stride makes a mean of 2 x 2 pixels."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, padding=0 if stride > 1 else 1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(F.relu(self.first(x)))
        if self.first.stride[0] > 1:
            x = downsample(x)
        shape = [max(sizes) for sizes in zip(x.shape[1:], y.shape[1:], strict=True)]
        return F.relu(_padded(x, shape) + _padded(y, shape))


def load_dlib_resnet(path: Path | None = None) -> DlibResNet:
    """Load dlib's face recognition.

    Args:
        path: `dlib_face_recognition_resnet_model_v1.dat`; default: where its package has it.

    Raises:
        MissingWeights: it is not installed.
        FileNotFoundError: there is no such file.
        ValueError: it is another file, or damaged.
    """
    path = model_file(FILE) if path is None else path
    return DlibResNet(read_network(path), path)


def load_dlib_features() -> DlibFeatures:
    """Load the maps of dlib's face recognition, for the content loss; see `load_dlib_resnet`."""
    return DlibFeatures(load_dlib_resnet())


def _stage(inputs: int, width: int, strides: tuple[int, ...]) -> nn.Sequential:
    widths = [inputs] + [width] * len(strides)
    return nn.Sequential(
        *(
            ResidualBlock(before, width, stride)
            for before, stride in zip(widths, strides, strict=False)
        )
    )


def _padded(x: Tensor, shape: list[int]) -> Tensor:
    """Fill maps up with zeros to (channels, height, width), below and to the right."""
    channels, height, width = (want - have for want, have in zip(shape, x.shape[1:], strict=True))
    return F.pad(x, (0, width, 0, height, 0, channels))


def _convolution(layer: nn.Conv2d) -> list[tuple[str, tuple[int, ...]]]:
    return [("con_4", (*layer.stride, *layer.padding)), ("affine_", ())]
