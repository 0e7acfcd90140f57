"""VGG19, trained to tell ImageNet's objects; the first network of the content loss."""

from typing import NamedTuple

from pretrained.vgg import Input, VGGFeatures, convolutions
from system.missing import MissingWeights
from system.weights import fetch, read_weights

TAPPED = (1, 6, 11, 20, 29)  # relu1_1 ... relu5_1 in torchvision's vgg.features


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


def load_vgg19(kind: str = "torchvision") -> VGGFeatures:
    """Load VGG19 from torch hub's folder, downloading it where that is possible.

    Args:
        kind: "torchvision", or "caffe" for the paper's setting (BGR, 0..255).

    Raises:
        MissingWeights: the weights cannot be had, with the place to put them.
        ValueError: the file is damaged, or another network's.

    Source: Simonyan and Zisserman 2015, "Very Deep Convolutional Networks for Large-Scale Image
    Recognition".
    """
    from torchvision.models import vgg19  # a second to import, and not every run needs it

    url, pixels = CONVENTIONS[kind]
    try:
        path = fetch(url)
    except MissingWeights as error:
        raise MissingWeights(f"VGG19: {error}, or train on pixels with --content l1") from error
    return VGGFeatures(convolutions(vgg19, read_weights(path), path), TAPPED, pixels)
