"""Content losses without trained weights, which take as long as with them."""

import torch
from torch import nn
from torchvision.models import vgg16, vgg19

from loss.content import ContentLoss
from pretrained import vgg19 as objects
from pretrained import vggface as faces
from pretrained.vgg import VGGFeatures


def untrained_content_loss() -> ContentLoss:
    """VGG19 and VGGFace of the real sizes."""
    return ContentLoss(untrained_vgg19(), untrained_vggface())


def untrained_vgg19(taps: int = len(objects.TAPS)) -> VGGFeatures:
    """VGG19 as far as the given number of the paper's layers reaches."""
    tapped = tuple(objects.TAPS.values())[:taps]
    return VGGFeatures(_features(vgg19), tapped, objects.CONVENTIONS["torchvision"].pixels)


def untrained_vggface() -> VGGFeatures:
    """VGGFace with all of the paper's layers."""
    return VGGFeatures(_features(vgg16), faces.TAPPED, faces.PIXELS)


def _features(architecture: type) -> nn.Sequential:
    """Convolutions with small weights; VGG's own first ones take seconds, and most are not used."""
    with torch.device("meta"):
        features = architecture(init_weights=False).features
    features.to_empty(device="cpu")
    for weight in features.parameters():
        nn.init.normal_(weight, std=0.02)
    return features
