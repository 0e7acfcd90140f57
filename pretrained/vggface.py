"""VGGFace, trained to tell people apart: a file that you name, since its licence forbids more.

Its convolutions are the second network of the content loss; its last hidden layer describes faces.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from pretrained import arcface
from pretrained.framing import FIVE_POINTS, Framing
from pretrained.vgg import Input, VGGFeatures, convolutions
from system.missing import MissingWeights
from system.weights import read_weights, wanted_weights

URL = "https://www.robots.ox.ac.uk/~albanie/models/pytorch-mcn/vgg_face_dag.pth"

# Source: Sec. 3.2 of the reference specification.
PIXELS = Input(255.0, (129.1863, 104.7624, 93.5940), (1.0, 1.0, 1.0), bgr=False)
TAPPED = (1, 6, 11, 18, 25)  # relu1_1 ... relu5_1 in torchvision's VGG16

# Of vgg_face_dag.pth, and what torchvision calls them.
LAYERS = {
    "conv1_1": "features.0", "conv1_2": "features.2",
    "conv2_1": "features.5", "conv2_2": "features.7",
    "conv3_1": "features.10", "conv3_2": "features.12", "conv3_3": "features.14",
    "conv4_1": "features.17", "conv4_2": "features.19", "conv4_3": "features.21",
    "conv5_1": "features.24", "conv5_2": "features.26", "conv5_3": "features.28",
    "fc6": "classifier.0", "fc7": "classifier.3",
}  # fmt: skip

SIZE = 224
# ArcFace's framing, wider, so that hair and chin show: the eyes are 1/4 of the side apart.
WIDER = 1.25
_SCALE = SIZE / arcface.SIZE / WIDER
PLACES = tuple(
    tuple(_SCALE * (side - (arcface.SIZE - 1) / 2) + (SIZE - 1) / 2 for side in point)
    for point in arcface.PLACES
)
FC7 = 5  # layers of the classifier: up to fc7 and its ReLU


def load_vggface(path: Path) -> VGGFeatures:
    """Load VGGFace's convolutions from `vgg_face_dag.pth`, for the content loss.

    Raises:
        MissingWeights: the file is missing, with the address to fetch it from.
        ValueError: it is another file.
    """
    from torchvision.models import vgg16

    return VGGFeatures(convolutions(vgg16, _read(path), path), TAPPED, PIXELS)


class VggFace(nn.Module):
    """VGGFace's last hidden layer, fc7, of aligned faces; frozen.

    The numbers of its descriptors are never negative, so that strangers are well above a cosine
    of 0.

    Args:
        state: weights in torchvision's names for VGG16, up to `classifier.3.*`.
        source: where they come from, for the message.

    Raises:
        ValueError: a weight is missing or has another shape.

    Source: Parkhi et al. 2015, "Deep Face Recognition", configuration D.
    """

    name = "VGGFace"
    framing = Framing(SIZE, dict(zip(FIVE_POINTS, PLACES, strict=True)))
    same_person = None

    def __init__(self, state: dict[str, Tensor], source: object = "VGGFace"):
        super().__init__()
        from torchvision.models import vgg16

        with torch.device("meta"):
            self.network = vgg16(weights=None, init_weights=False).eval()
        self.network.classifier = self.network.classifier[:FC7]
        given = wanted_weights(state, self.network.state_dict(), source)
        self.network.load_state_dict(given, assign=True)
        self.requires_grad_(False)
        self.register_buffer("mean", torch.tensor(PIXELS.mean)[:, None, None])

    def forward(self, crops: Tensor) -> Tensor:
        """Describe aligned faces (B, 3, 224, 224) in [-1, 1]: (B, 4096)."""
        return self.network(PIXELS.scale * (crops + 1) / 2 - self.mean)


def load_vggface_descriptor(path: Path) -> VggFace:
    """Load VGGFace up to fc7 from `vgg_face_dag.pth`.

    Raises:
        MissingWeights: the file is missing, with the address to fetch it from.
        ValueError: it is another file.
    """
    return VggFace(_read(path), path)


def _read(path: Path) -> dict[str, Tensor]:
    """Read the file up to fc7, with the names that torchvision's VGG16 has."""
    if not Path(path).is_file():
        raise MissingWeights(f"--vggface: no file {path}; fetch it from {URL}")
    state = read_weights(path)
    return {
        f"{torchvision}.{part}": state[f"{name}.{part}"]
        for name, torchvision in LAYERS.items()
        for part in ("weight", "bias")
        if f"{name}.{part}" in state
    }
