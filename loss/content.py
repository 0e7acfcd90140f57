"""The content loss: the distance of a generated image from the true one (L_CNT, Sec. 3.2)."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pretrained.vgg import VGGFeatures
from pretrained.vgg19 import load_vgg19
from pretrained.vggface import load_vggface


def perceptual_loss(features: VGGFeatures, fake: Tensor, real: Tensor) -> Tensor:
    """Sum over layers of the mean L1 distance between a frozen network's activations.

    Args:
        features: VGG19 or VGGFace.
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
        vgg19, vggface: frozen networks; without any the loss is on pixels.
    """

    def __init__(self, vgg19: VGGFeatures | None = None, vggface: VGGFeatures | None = None):
        super().__init__()
        networks = {"vgg19": vgg19, "vggface": vggface}
        self.networks = nn.ModuleDict({k: v for k, v in networks.items() if v is not None})

    def forward(self, fake: Tensor, real: Tensor) -> dict[str, Tensor]:
        if not self.networks:
            return {"l1": pixel_loss(fake, real)}
        return {name: perceptual_loss(net, fake, real) for name, net in self.networks.items()}


def load_content_loss(content: str, vgg19: str, vggface: Path | str | None) -> ContentLoss:
    """Make the content loss of a configuration.

    Args:
        content: vgg: the paper's; l1: on pixels.
        vgg19: torchvision or caffe.
        vggface: file of VGGFace; None leaves its term out.

    Raises:
        ValueError: weights cannot be had.
    """
    if content == "l1":
        return ContentLoss()
    return ContentLoss(load_vgg19(vgg19), load_vggface(Path(vggface)) if vggface else None)
