"""The losses have the paper's values and reach whom they should (P2, P4, P8, P17)."""

import pytest
import torch

from loss.adversarial import (
    adversarial_loss,
    discriminator_loss,
    feature_matching_loss,
    matching_loss,
)
from loss.content import ContentLoss, load_content_loss, perceptual_loss, pixel_loss
from pretrained.vgg import VGGFeatures
from pretrained.vggface import PIXELS


def test_p8_hinge_values_are_those_worked_out_by_hand():
    two = torch.full((4,), 2.0)
    assert discriminator_loss(two, -two) == 0.0
    assert discriminator_loss(-two, two) == 6.0
    assert adversarial_loss(torch.tensor([1.0, 3.0])) == -2.0


def test_p17_feature_matching_is_zero_for_equal_maps_and_a_mean_over_maps():
    maps = [torch.rand(2, 3, 4, 4), torch.rand(2, 5, 2, 2)]
    assert feature_matching_loss(maps, maps) == 0.0
    shifted = [maps[0] + 1, maps[1] + 4]
    torch.testing.assert_close(feature_matching_loss(shifted, maps), torch.tensor(2.5))


def test_p17_a_missing_map_is_an_error():
    with pytest.raises(ValueError, match="zip"):
        feature_matching_loss([torch.ones(1)], [])


def test_p2_matching_pulls_the_embedding_and_not_w():
    embedding = torch.tensor([[1.0, 5.0]], requires_grad=True)
    rows = torch.tensor([[0.0, 7.0]], requires_grad=True)
    loss = matching_loss(embedding, rows)
    loss.backward()
    assert loss == 1.5
    assert embedding.grad.tolist() == [[0.5, -0.5]]
    assert rows.grad is None


def test_pixel_loss_is_the_mean_distance_and_only_the_fake_gets_a_gradient():
    fake, real = torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), 0.5)
    fake.requires_grad_(True), real.requires_grad_(True)
    loss = pixel_loss(fake, real)
    loss.backward()
    assert loss == 0.5
    assert fake.grad is not None
    assert real.grad is None


@pytest.mark.parametrize("name", ["torchvision", "vggface"])
def test_p4_every_tapped_layer_gives_the_fake_a_finite_gradient(name, vgg):
    features = vgg(name)
    fake = torch.rand(1, 3, 64, 64).requires_grad_(True)
    real = torch.rand(1, 3, 64, 64).requires_grad_(True)
    for index in range(5):
        wanted, given = features(real)[index].detach(), features(fake)[index]
        (gradient,) = torch.autograd.grad((given - wanted).abs().mean(), fake)
        assert gradient.isfinite().all()
        assert gradient.abs().sum() > 0
    loss = perceptual_loss(features, fake, real)
    expected = sum(
        (g - w).abs().mean() for g, w in zip(features(fake), features(real), strict=True)
    )
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert fake.grad.abs().sum() > 0
    assert real.grad is None


def test_content_terms_are_named_and_zero_for_equal_images(vgg):
    content = ContentLoss(vgg("torchvision"), vgg("vggface"))
    image = torch.rand(1, 3, 64, 64)
    assert {k: v.item() for k, v in content(image, image).items()} == {"vgg19": 0.0, "vggface": 0.0}
    assert ContentLoss()(image, image).keys() == {"l1"}


def test_the_content_loss_of_pixels_needs_no_weights():
    loss = load_content_loss("l1", "torchvision", "nowhere.pth")
    assert set(loss(torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8))) == {"l1"}


def test_the_papers_content_loss_has_both_networks_or_vgg19_alone(monkeypatch):
    asked = []

    def network(kind):
        def load_network(what):
            asked.append((kind, what))
            return VGGFeatures(torch.nn.Sequential(torch.nn.ReLU()), (0,), PIXELS)

        return load_network

    monkeypatch.setattr("loss.content.load_vgg19", network("vgg19"))
    monkeypatch.setattr("loss.content.load_vggface", network("vggface"))
    assert set(load_content_loss("vgg", "caffe", "face.pth").networks) == {"vgg19", "vggface"}
    assert set(load_content_loss("vgg", "caffe", None).networks) == {"vgg19"}
    assert [(kind, str(what)) for kind, what in asked] == [
        ("vgg19", "caffe"), ("vggface", "face.pth"), ("vgg19", "caffe"),
    ]  # fmt: skip
