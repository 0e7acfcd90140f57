"""The losses have the paper's values and reach whom they should (P2, P4, P5, P6, P8, P17)."""

import functools
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from torch import nn
from torchvision.models import vgg16, vgg19

from loss.adversarial import (
    adversarial_loss,
    discriminator_loss,
    feature_matching_loss,
    matching_loss,
)
from loss.content import ContentLoss, perceptual_loss, pixel_loss
from loss.vgg import VGGFACE_LAYERS, VGGFeatures, load_vgg19, load_vggface

WIDTHS = [64, 128, 256, 512, 512]


@pytest.fixture(scope="session")
def weights(tmp_path_factory) -> Path:
    """Random weights under the real names, in a torch hub folder."""
    hub = tmp_path_factory.mktemp("torch") / "hub"
    (hub / "checkpoints").mkdir(parents=True)
    torch.manual_seed(0)
    state = {f"features.{k}": v for k, v in vgg19(weights=None).features.state_dict().items()}
    for name in ("vgg19-dcbb9e9d.pth", "vgg19-d01eb7cb.pth"):
        torch.save(state, hub / "checkpoints" / name)
    convolutions = vgg16(weights=None).features.state_dict(prefix="features.")
    renamed = {
        f"{name}.{part}": convolutions[f"{torchvision}.{part}"]
        for name, torchvision in VGGFACE_LAYERS.items()
        for part in ("weight", "bias")
        if f"{torchvision}.{part}" in convolutions  # the file's fc6 and fc7 are half a gigabyte
    }
    torch.save(renamed | {"fc8.weight": torch.zeros(1)}, hub / "vgg_face_dag.pth")
    return hub


@pytest.fixture
def hub(weights, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(weights))
    return weights


@pytest.fixture(scope="session")
def network(weights) -> Callable[[str], VGGFeatures]:
    """Load a network, once for all tests: they do not change it, and random layers take long."""

    @functools.cache
    def load(name: str) -> VGGFeatures:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(torch.hub, "get_dir", lambda: str(weights))
            if name == "vggface":
                return load_vggface(weights / "vgg_face_dag.pth")
            return load_vgg19(name)

    return load


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


# A colour (R, G, B) of 0..1 and what each network's first layer gets for it.
RED = (1.0, 0.5, 0.0)
EXPECTED = {
    "torchvision": [(1 - 0.485) / 0.229, (0.5 - 0.456) / 0.224, (0 - 0.406) / 0.225],
    "caffe": [0 - 103.939, 127.5 - 116.779, 255 - 123.680],
    "vggface": [255 - 129.1863, 127.5 - 104.7624, 0 - 93.5940],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_p5_a_known_colour_arrives_as_the_network_was_trained(name, network):
    colour = (torch.tensor(RED) * 2 - 1)[None, :, None, None].expand(1, 3, 8, 8)
    pixels = network(name).preprocess(colour)
    torch.testing.assert_close(pixels[0, :, 3, 3], torch.tensor(EXPECTED[name]))


@pytest.mark.parametrize("name", EXPECTED)
def test_p6_taps_are_relus_of_the_papers_widths(name, network):
    features = network(name)
    assert all(isinstance(features.layers[i], nn.ReLU) for i in features.tapped)
    assert not any(isinstance(layer, nn.MaxPool2d) for layer in features.layers)
    maps = features(torch.zeros(1, 3, 64, 64))
    assert [m.shape[1] for m in maps] == WIDTHS
    assert [m.shape[2] for m in maps] == [64, 32, 16, 8, 4]
    assert not any(p.requires_grad for p in features.parameters())


@pytest.mark.parametrize("name", ["torchvision", "vggface"])
def test_p4_every_tapped_layer_gives_the_fake_a_finite_gradient(name, network):
    features = network(name)
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


def test_content_terms_are_named_and_zero_for_equal_images(network):
    content = ContentLoss(network("torchvision"), network("vggface"))
    image = torch.rand(1, 3, 64, 64)
    assert {k: v.item() for k, v in content(image, image).items()} == {"vgg19": 0.0, "vggface": 0.0}
    assert ContentLoss()(image, image).keys() == {"l1"}


def test_vggface_weights_land_in_their_layers(hub, network):
    stored = torch.load(hub / "vgg_face_dag.pth", weights_only=True)
    layers = network("vggface").layers
    assert torch.equal(layers[0].weight, stored["conv1_1.weight"])
    assert torch.equal(layers[24].bias, stored["conv5_1.bias"])


def test_missing_weights_say_where_to_put_which_file(tmp_path, monkeypatch):
    def refuse(*_: object, **__: object):
        raise URLError("no network")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", refuse)
    with pytest.raises(ValueError, match=r"vgg19-dcbb9e9d\.pth from https.*--content l1"):
        load_vgg19()
    with pytest.raises(ValueError, match=r"vgg_face_dag\.pth; fetch it from https"):
        load_vggface(tmp_path / "vgg_face_dag.pth")


def test_another_networks_file_and_a_cut_file_are_named(hub, tmp_path):
    torch.save({"conv1_1.weight": torch.zeros(64, 3, 5, 5)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"other\.pth.*(has no|must have shape)"):
        load_vggface(tmp_path / "other.pth")
    content = (hub / "vgg_face_dag.pth").read_bytes()
    (tmp_path / "cut.pth").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"cut\.pth is not a file of weights"):
        load_vggface(tmp_path / "cut.pth")
