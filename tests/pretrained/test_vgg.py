"""VGG19 and VGGFace get the input that they know, and are tapped where the paper says."""

import pytest
import torch
from torch import nn

from pretrained.vgg19 import TAPS, load_vgg19, names_of_taps
from pretrained.vggface import URL, _read, load_vggface

WIDTHS = [64, 128, 256, 512, 512]

# A colour (R, G, B) of 0..1 and what each network's first layer gets for it.
RED = (1.0, 0.5, 0.0)
EXPECTED = {
    "torchvision": [(1 - 0.485) / 0.229, (0.5 - 0.456) / 0.224, (0 - 0.406) / 0.225],
    "caffe": [0 - 103.939, 127.5 - 116.779, 255 - 123.680],
    "vggface": [255 - 129.1863, 127.5 - 104.7624, 0 - 93.5940],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_p5_a_known_colour_arrives_as_the_network_was_trained(name, vgg):
    colour = (torch.tensor(RED) * 2 - 1)[None, :, None, None].expand(1, 3, 8, 8)
    pixels = vgg(name).preprocess(colour)
    torch.testing.assert_close(pixels[0, :, 3, 3], torch.tensor(EXPECTED[name]))


@pytest.mark.parametrize("name", EXPECTED)
def test_p6_taps_are_relus_of_the_papers_widths(name, vgg):
    features = vgg(name)
    assert all(isinstance(features.layers[i], nn.ReLU) for i in features.tapped)
    assert not any(isinstance(layer, nn.MaxPool2d) for layer in features.layers)
    maps = features(torch.zeros(1, 3, 64, 64))
    assert [m.shape[1] for m in maps] == WIDTHS
    assert [m.shape[2] for m in maps] == [64, 32, 16, 8, 4]
    assert not any(p.requires_grad for p in features.parameters())


def test_vggface_weights_land_in_their_layers(vgg_weights, vgg):
    stored = torch.load(vgg_weights / "vgg_face_dag.pth", weights_only=True)
    layers = vgg("vggface").layers
    assert torch.equal(layers[0].weight, stored["conv1_1.weight"])
    assert torch.equal(layers[24].bias, stored["conv5_1.bias"])


def test_missing_weights_say_where_to_put_which_file(hub, tmp_path):
    with pytest.raises(ValueError, match=r"vgg19-dcbb9e9d\.pth from https.*--content l1"):
        load_vgg19()
    with pytest.raises(ValueError, match=r"vgg_face_dag\.pth; fetch it from https"):
        load_vggface(tmp_path / "vgg_face_dag.pth")


def test_another_networks_file_and_a_cut_file_are_named(vgg_weights, tmp_path):
    torch.save({"conv1_1.weight": torch.zeros(64, 3, 5, 5)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"other\.pth.*(has no|must have shape)"):
        load_vggface(tmp_path / "other.pth")
    content = (vgg_weights / "vgg_face_dag.pth").read_bytes()
    (tmp_path / "cut.pth").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"cut\.pth is not a file of weights"):
        load_vggface(tmp_path / "cut.pth")


@pytest.mark.parametrize(("depth", "taps"), [(2, 1), (7, 2), (17, 3), (28, 4), (29, 5)])
def test_a_vgg19_that_ends_early_is_tapped_as_far_as_it_reaches(vgg, tmp_path, depth, taps):
    whole = vgg("caffe")
    layers = list(whole.layers.named_parameters())
    state = {f"features.{name}": value for name, value in layers if int(name.split(".")[0]) < depth}
    torch.save(state, tmp_path / "part.pth")
    features = load_vgg19("caffe", tmp_path / "part.pth")
    assert names_of_taps(features) == list(TAPS)[:taps]
    image = torch.rand(1, 3, 32, 32)
    for mine, its in zip(features(image), whole(image), strict=False):
        assert torch.equal(mine, its)


def test_a_vgg19_that_is_missing_or_another_network_is_one_line(tmp_path):
    with pytest.raises(ValueError, match=r"^--vgg19: no file .*gone\.pth; --content l1 does"):
        load_vgg19("caffe", tmp_path / "gone.pth")
    torch.save({"conv1.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"^\S*other\.pth has no features\.0\.weight"):
        load_vgg19("caffe", tmp_path / "other.pth")


def test_a_shallower_vgg_is_not_taken_for_a_vgg19_that_ends_early(vgg, tmp_path):
    state = {f"features.{k}": v for k, v in vgg("caffe").layers[:12].named_parameters()}
    for part in ("weight", "bias"):  # VGG13's fourth block begins where VGG19 has a ReLU
        state[f"features.15.{part}"] = torch.zeros(512)
    torch.save(state, tmp_path / "vgg13.pth")
    with pytest.raises(ValueError, match=r"vgg13\.pth has features\.15\.\w+, which VGG19 has not"):
        load_vgg19("caffe", tmp_path / "vgg13.pth")


def test_vggface_is_read_with_the_names_of_torchvision(tmp_path):
    names = ("conv1_1", "conv1_2", "conv3_3", "conv5_3", "fc6", "fc7", "fc8")
    state = {
        f"{name}.{part}": torch.full((1,), float(number))
        for number, name in enumerate(names)
        for part in ("weight", "bias")
    }
    torch.save(state, tmp_path / "vgg_face_dag.pth")
    read = _read(tmp_path / "vgg_face_dag.pth")
    places = ("features.0", "features.2", "features.14", "features.28")
    places += ("classifier.0", "classifier.3")
    assert {name: value.item() for name, value in read.items()} == {
        f"{place}.{part}": number
        for number, place in enumerate(places)
        for part in ("weight", "bias")
    }
    with pytest.raises(ValueError, match=f"no file .*gone.pth; fetch it from {URL}"):
        _read(tmp_path / "gone.pth")
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(ValueError, match=r"text.pth is not a file of weights"):
        _read(tmp_path / "text.pth")
