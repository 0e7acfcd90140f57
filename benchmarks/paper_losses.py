"""The paper's content loss without its weights, which takes as long as with them."""

from torchvision.models import vgg16, vgg19

from loss.content import ContentLoss
from loss.vgg import (
    TAPPED_VGG19,
    TAPPED_VGGFACE,
    TORCHVISION_INPUT,
    VGGFACE_INPUT,
    VGGFeatures,
)


def untrained_content_loss() -> ContentLoss:
    """VGG19 and VGGFace of the real sizes."""
    return ContentLoss(
        VGGFeatures(vgg19(init_weights=False).features, TAPPED_VGG19, TORCHVISION_INPUT),
        VGGFeatures(vgg16(init_weights=False).features, TAPPED_VGGFACE, VGGFACE_INPUT),
    )
