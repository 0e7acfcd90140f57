"""VGG19, trained to tell ImageNet's objects; the first network of the content loss."""

from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from pretrained.vgg import Input, VGGFeatures, convolutions
from system.missing import MissingWeights
from system.weights import fetch, read_weights

# Layers whose outputs the content loss compares, by their places in torchvision's vgg.features.
TAPS = {"relu1_1": 1, "relu2_1": 6, "relu3_1": 11, "relu4_1": 20, "relu5_1": 29}


class Convention(NamedTuple):
    """Where weights come from, and what they were trained on."""

    url: str
    pixels: Input


# Source: Sec. 3.2 of the reference specification.
CONVENTIONS = {
    "torchvision": Convention(
        "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
        Input(1.0, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), bgr=False),
    ),
    "caffe": Convention(  # the paper's setting
        "https://web.eecs.umich.edu/~justincj/models/vgg19-d01eb7cb.pth",
        Input(255.0, (103.939, 116.779, 123.680), (1.0, 1.0, 1.0), bgr=True),
    ),
}


def load_vgg19(convention: str = "torchvision", path: Path | None = None) -> VGGFeatures:
    """Load VGG19 from a file, or from torch hub's folder, downloading it where that is possible.

    Args:
        convention: how its pixels are scaled: "torchvision", or "caffe", the paper's setting (BGR,
            0..255).
        path: a file with torchvision's names, which may end early: then as many of the paper's
            layers are tapped as it reaches. None: torch hub's.

    Raises:
        MissingWeights: the weights cannot be had, with the place to put them.
        ValueError: the file is damaged, or another network's.

    Source: Simonyan and Zisserman 2015, "Very Deep Convolutional Networks for Large-Scale Image
    Recognition".
    """
    from torchvision.models import vgg19  # a second to import, and not every run needs it

    url, pixels = CONVENTIONS[convention]
    if path is not None and not Path(path).is_file():
        hint = f"; did you mean --vgg19-convention {path}?" if str(path) in CONVENTIONS else ""
        raise MissingWeights(f"--vgg19: no file {path}{hint}; --content l1 does without")
    try:
        path = fetch(url) if path is None else path
    except MissingWeights as error:
        raise MissingWeights(f"VGG19: {error}, or go without: --content l1") from error
    state = read_weights(path)
    tapped = tuple(place for place in TAPS.values() if _reaches(state, place))
    if not tapped:
        raise ValueError(f"{path} has no features.0.weight: it is another network's file")
    return VGGFeatures(convolutions(vgg19, state, path, max(tapped) + 1), tapped, pixels)


def names_of_taps(features: VGGFeatures) -> list[str]:
    """Name the layers that a VGG19 is tapped at: relu1_1 ..."""
    return [name for name, place in TAPS.items() if place in features.tapped]


def _reaches(state: dict[str, Tensor], tap: int) -> bool:
    """Tell whether weights go as far as the convolution whose ReLU is tapped."""
    return f"features.{tap - 1}.weight" in state
