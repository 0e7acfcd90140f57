"""The Inception of FID: its input convention and its weights, here random ones."""

import pytest
import torch
from torch import nn
from torchvision.models import inception_v3

from pretrained.inception import InceptionFeatures, load_inception
from tests.metric.conftest import spots

INCEPTION = "weights-inception-2015-12-05-6726825d.pth"


@pytest.fixture(scope="module")
def inception_file(tmp_path_factory):
    """Random weights in torchvision's Inception, whose names and shapes are the same."""
    torch.manual_seed(0)
    with torch.device("meta"):
        network = inception_v3(weights=None, aux_logits=False, num_classes=1008, init_weights=False)
    network.to_empty(device="cpu")
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
        elif isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
        elif isinstance(module, nn.Linear):
            module.reset_parameters()
    path = tmp_path_factory.mktemp("weights") / INCEPTION
    torch.save(network.state_dict(), path)
    return path


class Recorder(nn.Module):
    def forward(self, pixels):
        return (pixels,)


def test_images_become_the_bytes_of_their_pictures():
    image = torch.tensor([-1.5, -1, 1 / 127.5 - 1, 0.0, 0.996, 1, 1.5]).expand(1, 3, 1, 7)
    pixels = InceptionFeatures(Recorder())(image)
    assert pixels.dtype == torch.uint8
    assert pixels[0, 2, 0].tolist() == [0, 0, 1, 128, 254, 255, 255]


def test_the_features_are_those_of_torch_fidelity_for_these_bytes(hub, inception_file):
    from torch_fidelity import FeatureExtractorInceptionV3

    (hub / INCEPTION).symlink_to(inception_file)
    ours = load_inception()
    theirs = FeatureExtractorInceptionV3("theirs", ["2048"], str(inception_file))
    pixels = ((spots(0, 2, 48) + 1) * 127.5).round().to(torch.uint8)
    (expected,) = theirs(pixels)
    features = ours(pixels.float() / 127.5 - 1)
    assert features.shape == (2, 2048)
    assert (features[0] - features[1]).abs().mean() > 1e-3 * features.abs().mean()
    torch.testing.assert_close(features, expected, rtol=1e-5, atol=0)
    assert not any(parameter.requires_grad for parameter in ours.parameters())
    assert not ours.network.training


def test_grey_images_are_refused():
    with pytest.raises(ValueError, match=r"\(B, 3, H, W\), got \(2, 1, 8, 8\)"):
        InceptionFeatures(Recorder())(torch.zeros(2, 1, 8, 8))
