"""The paper's content loss without its weights, which takes as long as with them."""

from torchvision.models import vgg16, vgg19

from loss.content import ContentLoss
from pretrained import vgg19 as objects
from pretrained import vggface as faces
from pretrained.vgg import VGGFeatures


def untrained_content_loss() -> ContentLoss:
    """VGG19 and VGGFace of the real sizes."""
    return ContentLoss(
        VGGFeatures(
            vgg19(init_weights=False).features,
            objects.TAPPED,
            objects.CONVENTIONS["torchvision"].pixels,
        ),
        VGGFeatures(vgg16(init_weights=False).features, faces.TAPPED, faces.PIXELS),
    )
