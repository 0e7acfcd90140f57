"""VGG19 and VGGFace as frozen feature extractors, each with the input that it was trained on."""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

TAPPED_VGG19 = (1, 6, 11, 20, 29)  # relu1_1 ... relu5_1 in torchvision's vgg.features
TAPPED_VGGFACE = (1, 6, 11, 18, 25)  # the same ReLUs of VGG16

TORCHVISION_VGG19 = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
CAFFE_VGG19 = "https://web.eecs.umich.edu/~justincj/models/vgg19-d01eb7cb.pth"
VGGFACE = "https://www.robots.ox.ac.uk/~albanie/models/pytorch-mcn/vgg_face_dag.pth"

# Of vgg_face_dag.pth, and what torchvision calls them; the loss needs the convolutions only.
VGGFACE_LAYERS = {
    "conv1_1": "features.0", "conv1_2": "features.2",
    "conv2_1": "features.5", "conv2_2": "features.7",
    "conv3_1": "features.10", "conv3_2": "features.12", "conv3_3": "features.14",
    "conv4_1": "features.17", "conv4_2": "features.19", "conv4_3": "features.21",
    "conv5_1": "features.24", "conv5_2": "features.26", "conv5_3": "features.28",
    "fc6": "classifier.0", "fc7": "classifier.3",
}  # fmt: skip


class Input(NamedTuple):
    """How a network wants its pixels: (scale * x01 - mean) / std, in its channel order."""

    scale: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    bgr: bool


# Source: Sec. 3.2 of the reference specification, one line per weight file.
TORCHVISION_INPUT = Input(1.0, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), bgr=False)
CAFFE_INPUT = Input(255.0, (103.939, 116.779, 123.680), (1.0, 1.0, 1.0), bgr=True)
VGGFACE_INPUT = Input(255.0, (129.1863, 104.7624, 93.5940), (1.0, 1.0, 1.0), bgr=False)


class VGGFeatures(nn.Module):
    """Activations of a frozen VGG after chosen ReLUs; its max-pools are average pools.

    Args:
        layers: `features` of a torchvision VGG.
        tapped: indices into `layers` whose outputs are returned.
        pixels: the network's input convention.

    Differs from the paper, which is silent: average pooling, as in both authors' later code.
    """

    def __init__(self, layers: nn.Sequential, tapped: tuple[int, ...], pixels: Input):
        super().__init__()
        self.tapped = tapped
        self.pixels = pixels
        self.layers = nn.Sequential(*(_frozen_layer(layers[i]) for i in range(max(tapped) + 1)))
        self.requires_grad_(False)
        self.register_buffer("mean", torch.tensor(pixels.mean)[:, None, None])
        self.register_buffer("std", torch.tensor(pixels.std)[:, None, None])

    def preprocess(self, image: Tensor) -> Tensor:
        """From [-1, 1] RGB to what the network was trained on."""
        x = self.pixels.scale * (image.float() + 1) / 2
        x = x.flip(-3) if self.pixels.bgr else x
        return (x - self.mean) / self.std

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the tapped activations of images (B, 3, H, W) in [-1, 1]."""
        x = self.preprocess(image)
        activations = []
        for index, layer in enumerate(self.layers):
            x = layer(x)
            if index in self.tapped:
                activations.append(x)
        return activations


def load_vgg19(kind: str = "torchvision") -> VGGFeatures:
    """Load VGG19 from torch hub's folder, downloading it where that is possible.

    Args:
        kind: "torchvision", or "caffe" for the paper's setting (BGR, 0..255).

    Raises:
        ValueError: the weights cannot be had, with the place to put them.
    """
    from torchvision.models import vgg19  # a second to import, and not every run needs it

    network = vgg19(weights=None)
    if kind == "caffe":
        state = _from_hub(CAFFE_VGG19)
        state = {key: value for key, value in state.items() if key.startswith("features.")}
        _load(network.features, state, "features.", Path(CAFFE_VGG19).name)
        return VGGFeatures(network.features, TAPPED_VGG19, CAFFE_INPUT)
    _load(network.features, _from_hub(TORCHVISION_VGG19), "features.", Path(TORCHVISION_VGG19).name)
    return VGGFeatures(network.features, TAPPED_VGG19, TORCHVISION_INPUT)


def load_vggface(path: Path) -> VGGFeatures:
    """Load VGGFace from `vgg_face_dag.pth` (its licence forbids shipping it).

    Raises:
        ValueError: the file is missing or is not that file, with the address to fetch it from.
    """
    from torchvision.models import vgg16

    network = vgg16(weights=None)
    _load(network.features, read_vggface(path), "features.", str(path))
    return VGGFeatures(network.features, TAPPED_VGGFACE, VGGFACE_INPUT)


def read_vggface(path: Path) -> dict[str, Tensor]:
    """Read `vgg_face_dag.pth` up to fc7, with the names that torchvision's VGG16 has.

    Raises:
        ValueError: the file is missing or holds no weights, with the address to fetch it from.
    """
    if not Path(path).is_file():
        raise ValueError(f"--vggface: no file {path}; fetch it from {VGGFACE}")
    state = _read(Path(path))
    return {
        f"{torchvision}.{part}": state[f"{name}.{part}"]
        for name, torchvision in VGGFACE_LAYERS.items()
        for part in ("weight", "bias")
        if f"{name}.{part}" in state
    }


def _frozen_layer(layer: nn.Module) -> nn.Module:
    if isinstance(layer, nn.MaxPool2d):
        return nn.AvgPool2d(2)
    if isinstance(layer, nn.ReLU):
        return nn.ReLU()  # out of place: a tapped activation is not overwritten
    return layer


def _from_hub(url: str) -> dict[str, Tensor]:
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    path = folder / Path(url).name
    if path.is_file():
        return _read(path)
    try:
        return torch.hub.load_state_dict_from_url(url, map_location="cpu", check_hash=True)
    except (OSError, RuntimeError) as error:
        raise ValueError(
            f"the VGG19 weights cannot be downloaded ({error}): put {path.name} from {url} into "
            f"{folder}, or train on pixels with --content l1"
        ) from error


def _read(path: Path) -> dict[str, Tensor]:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(f"{path} is not a file of weights: {error}") from error


def _load(features: nn.Sequential, state: dict[str, Tensor], prefix: str, name: str) -> None:
    wanted = features.state_dict()
    given = {key: state.get(prefix + key) for key in wanted}
    for key, value in given.items():
        if value is None:
            raise ValueError(f"{name} has no {prefix}{key}: it is another network's file")
        if value.shape != wanted[key].shape:
            raise ValueError(
                f"{name}: {prefix}{key} must have shape {tuple(wanted[key].shape)}, "
                f"got {tuple(value.shape)}"
            )
    features.load_state_dict(given)
