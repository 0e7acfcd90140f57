"""The content loss: the distance of a generated image from the true one (L_CNT, Sec. 3.2)."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from loss.distance import mean_distance
from loss.early_gradient import with_early_gradient
from pretrained.dlib_files import model_file
from pretrained.dlib_resnet import FILE, load_dlib_features
from pretrained.vgg19 import load_vgg19, names_of_taps
from pretrained.vggface import load_vggface
from system.missing import MissingWeights

# Weight of pixels where nothing else is compared, as config.py has it. With the 5 that they had
# beside VGG19, they alone gave 0.644 where 20 gave 0.654 (docs/experiments/learning/content.md).
PIXELS_ALONE = 20.0


class PerceptualLoss(nn.Module):
    """Sum over layers of the mean L1 distance between a frozen network's activations.

    Args:
        features: VGG19, VGGFace or dlib's face recognition.

    Source: Sec. 3.2, L_CNT.
    """

    def __init__(self, features: Callable[[Tensor], list[Tensor]]):
        super().__init__()
        self.features = features

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        """Compare images (B, 3, H, W) in [-1, 1]; `real` gets no gradient."""
        with torch.no_grad():
            wanted = self.features(real)
        given = self.features(fake)
        return torch.stack([mean_distance(*maps) for maps in zip(given, wanted, strict=True)]).sum()


def pixel_loss(fake: Tensor, real: Tensor) -> Tensor:
    """Mean L1 distance of the pixels of two images in [-1, 1].

    Differs from the paper, which has none: it stands in where no VGG weights can be had, and only
    when it is asked for.
    """
    return mean_distance(fake, real)


class ContentLoss(nn.Module):
    """The unweighted content terms, by name: {"vgg19": ..., "vggface": ...} or {"l1": ...}.

    Args:
        vgg19, vggface, dlib: frozen networks.
        pixels: whether pixels are compared, too; default: where VGG19 is not there.

    Differs from the paper: dlib's face recognition may stand in for VGGFace.
    """

    def __init__(
        self,
        vgg19: nn.Module | None = None,
        vggface: nn.Module | None = None,
        dlib: nn.Module | None = None,
        pixels: bool | None = None,
    ):
        super().__init__()
        self.pixels = vgg19 is None if pixels is None else pixels
        networks = {"vgg19": vgg19, "vggface": vggface, "dlib": dlib}
        self.perceptual = nn.ModuleDict(
            {name: PerceptualLoss(net) for name, net in networks.items() if net is not None}
        )

    def forward(self, fake: Tensor, real: Tensor) -> dict[str, Tensor]:
        terms = {"l1": pixel_loss(fake, real)} if self.pixels else {}
        for name, loss in self.perceptual.items():  # one network's activations at a time
            terms[name] = with_early_gradient(partial(loss, real=real), fake)
        return terms

    def place(
        self,
        device: torch.device,
        dtype: torch.dtype,
        memory_format: torch.memory_format = torch.channels_last,
    ) -> "ContentLoss":
        """Move to a device.

        Args:
            dtype: what autocast computes in, torch.float32: none. The weights are never learnt, so
                they are rounded once, where autocast would round them at every pass; from then on
                the loss is to be called under it.
        """
        self.to(device, memory_format=memory_format)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                layer.to(dtype)
        return self

    @property
    def layers(self) -> list[str]:
        """Names of VGG19's layers that are compared."""
        if "vgg19" not in self.perceptual:
            return []
        return names_of_taps(self.perceptual["vgg19"].features)


def load_content_loss(
    content: str,
    convention: str,
    vgg19: Path | str | None,
    face_features: str,
    vggface: Path | str | None,
) -> ContentLoss:
    """Make the content loss of a configuration.

    Args:
        content: vgg: the paper's; l1: pixels in place of VGG19; vgg+l1: both.
        convention: of VGG19, torchvision or caffe.
        vgg19: its file; None: torch hub's.
        face_features: vggface, dlib or none.
        vggface: file of VGGFace.

    Raises:
        ValueError: weights cannot be had.
    """
    parts = content.split("+")
    networks = {}
    if "vgg" in parts:
        networks["vgg19"] = load_vgg19(convention, Path(vgg19) if vgg19 else None)
    if face_features == "vggface":
        networks["vggface"] = load_vggface(Path(vggface))
    if face_features == "dlib":
        networks["dlib"] = load_dlib_features()
    return ContentLoss(**networks, pixels="l1" in parts)


def load_content_loss_of(
    trained: Mapping[str, Any], vgg19: Path | None, vggface: Path | None
) -> ContentLoss:
    """Make the content loss that a run was trained with.

    Args:
        trained: the run's stored configuration.
        vgg19, vggface: their files, where they lie elsewhere than in training.

    Raises:
        ValueError: weights cannot be had.
    """
    convention, stored = stored_vgg19(trained)
    return load_content_loss(
        trained["content"], convention, vgg19 or stored, stored_face_features(trained),
        vggface or trained["vggface"],
    )  # fmt: skip


def with_content(trained: Mapping[str, Any], content: str | None) -> Mapping[str, Any]:
    """Say what a run's model is fine-tuned by, where that is to differ from its training.

    Args:
        trained: the run's stored configuration.
        content: vgg, l1 or vgg+l1; None: as in training.

    Returns:
        The configuration to fine-tune with. Pixels alone need no file, so VGGFace goes with VGG19;
        where they stand in for it, their weight is at least `PIXELS_ALONE`.
    """
    if content is None:
        return trained
    faces, weights = stored_face_features(trained), trained["weights"]
    if content == "l1" and faces == "vggface":
        faces = "none"
    if content == "l1" and "vgg" in trained["content"]:
        weights = {**weights, "l1_weight": max(weights["l1_weight"], PIXELS_ALONE)}
    return {**trained, "content": content, "face_features": faces, "weights": weights}


def choose_face_features(content: str, vggface: Path | None) -> str:
    """Choose the face term where none is asked for.

    Returns:
        vggface where its file is named, else dlib where that is installed, else none; none beside
        pixels, which want no weights.
    """
    if "vgg" not in content:
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


def stored_vgg19(trained: Mapping[str, Any]) -> tuple[str, str | None]:
    """Tell the convention and the file of a run's VGG19; older runs had torch hub's alone."""
    if "vgg19_convention" in trained:
        return trained["vgg19_convention"], trained["vgg19"]
    return trained["vgg19"], None
