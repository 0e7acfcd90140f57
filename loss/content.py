"""The content loss: the distance of a generated image from the true one (L_CNT, Sec. 3.2)."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pretrained.dlib_files import model_file
from pretrained.dlib_resnet import FILE, load_dlib_features
from pretrained.vgg19 import load_vgg19
from pretrained.vggface import load_vggface
from system.missing import MissingWeights


def perceptual_loss(
    features: Callable[[Tensor], list[Tensor]], fake: Tensor, real: Tensor
) -> Tensor:
    """Sum over layers of the mean L1 distance between a frozen network's activations.

    Args:
        features: VGG19, VGGFace or dlib's face recognition.
        fake, real: (B, 3, H, W) in [-1, 1]; `real` gets no gradient.

    Source: Sec. 3.2, L_CNT.
    """
    with torch.no_grad():
        wanted = features(real)
    given = features(fake)
    return sum(F.l1_loss(g.float(), w.float()) for g, w in zip(given, wanted, strict=True))


def pixel_loss(fake: Tensor, real: Tensor) -> Tensor:
    """Mean L1 distance of the pixels of two images in [-1, 1].

    Differs from the paper, which has none: it stands in where no VGG weights can be had, and only
    when it is asked for.
    """
    return F.l1_loss(fake, real.detach())


class ContentLoss(nn.Module):
    """The unweighted content terms, by name: {"vgg19": ..., "vggface": ...} or {"l1": ...}.

    Args:
        vgg19, vggface, dlib: frozen networks; without VGG19 pixels are compared in its place.

    Differs from the paper: dlib's face recognition may stand in for VGGFace.
    """

    def __init__(
        self,
        vgg19: nn.Module | None = None,
        vggface: nn.Module | None = None,
        dlib: nn.Module | None = None,
    ):
        super().__init__()
        networks = {"vgg19": vgg19, "vggface": vggface, "dlib": dlib}
        self.networks = nn.ModuleDict({k: v for k, v in networks.items() if v is not None})

    def forward(self, fake: Tensor, real: Tensor) -> dict[str, Tensor]:
        terms = {name: perceptual_loss(net, fake, real) for name, net in self.networks.items()}
        return terms if "vgg19" in terms else {"l1": pixel_loss(fake, real), **terms}


def load_content_loss(
    content: str, vgg19: str, face_features: str, vggface: Path | str | None
) -> ContentLoss:
    """Make the content loss of a configuration.

    Args:
        content: vgg: the paper's; l1: pixels in place of VGG19.
        vgg19: torchvision or caffe.
        face_features: vggface, dlib or none.
        vggface: file of VGGFace.

    Raises:
        ValueError: weights cannot be had.
    """
    objects = load_vgg19(vgg19) if content == "vgg" else None
    if face_features == "vggface":
        return ContentLoss(objects, load_vggface(Path(vggface)))
    if face_features == "dlib":
        return ContentLoss(objects, dlib=load_dlib_features())
    return ContentLoss(objects)


def load_content_loss_of(trained: Mapping[str, Any], vggface: Path | None) -> ContentLoss:
    """Make the content loss that a run was trained with.

    Args:
        trained: the run's stored configuration.
        vggface: file of VGGFace, where it lies elsewhere than in training.

    Raises:
        ValueError: weights cannot be had.
    """
    return load_content_loss(
        trained["content"], trained["vgg19"], stored_face_features(trained),
        vggface or trained["vggface"],
    )  # fmt: skip


def choose_face_features(content: str, vggface: Path | None) -> str:
    """Choose the face term where none is asked for.

    Returns:
        vggface where its file is named, else dlib where that is installed, else none; none beside
        pixels, which want no weights.
    """
    if content == "l1":
        return "none"
    if vggface is not None:
        return "vggface"
    try:
        model_file(FILE)
    except MissingWeights:
        return "none"
    return "dlib"


def stored_face_features(trained: Mapping[str, Any]) -> str:
    """Tell which face term a run was trained with; older runs had VGGFace where its file was."""
    if "face_features" in trained:
        return trained["face_features"]
    return "vggface" if trained["content"] == "vgg" and trained["vggface"] else "none"
