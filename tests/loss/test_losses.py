"""The losses have the paper's values and reach whom they should (P2, P4, P8, P17)."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from config import LossWeights
from loss.adversarial import (
    adversarial_loss,
    discriminator_loss,
    feature_matching_loss,
    matching_loss,
)
from loss.content import (
    PIXELS_ALONE,
    ContentLoss,
    PerceptualLoss,
    choose_face_features,
    load_content_loss,
    load_content_loss_of,
    pixel_loss,
    stored_face_features,
    with_content,
)
from loss.distance import mean_distance
from pretrained.dlib_resnet import load_dlib_features
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


@pytest.mark.parametrize("constant", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("variable", [torch.float32, torch.bfloat16])
def test_a_distance_and_its_gradient_are_those_of_autograd_in_the_variables_type(
    variable, constant
):
    x, y = torch.randn(2, 64, 64).to(variable).requires_grad_(), torch.randn(2, 64, 64).to(constant)
    x.data[0, 0, 0] = y[0, 0, 0] = 0.5  # no distance, no gradient
    ours, theirs = 3 * mean_distance(x, y), 3 * F.l1_loss(x.float(), y.float())
    assert ours.dtype == torch.float32
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=0)
    gradients = [torch.autograd.grad(loss, x)[0] for loss in (ours, theirs)]
    assert [gradient.dtype for gradient in gradients] == [variable] * 2
    torch.testing.assert_close(*gradients)


def test_frozen_weights_that_are_rounded_once_give_what_autocast_gives():
    torch.manual_seed(0)
    loss = ContentLoss(dlib=load_dlib_features(), pixels=True)
    fake, real = torch.rand(2, 1, 3, 64, 64) * 2 - 1
    with torch.autocast("cpu", torch.bfloat16):
        wanted, found = (
            loss.place(torch.device("cpu"), dtype)(fake, real)
            for dtype in (torch.float32, torch.bfloat16)
        )
    assert {parameter.dtype for parameter in loss.parameters()} == {torch.bfloat16}
    assert found == wanted and wanted["dlib"] > 0


def test_pixel_loss_is_the_mean_distance_and_only_the_fake_gets_a_gradient():
    fake, real = torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), 0.5)
    fake.requires_grad_(True), real.requires_grad_(True)
    loss = pixel_loss(fake, real)
    loss.backward()
    assert loss == 0.5
    assert fake.grad is not None
    assert real.grad is None


@pytest.mark.parametrize("name", ["torchvision", "vggface", "dlib"])
def test_p4_every_tapped_layer_gives_the_fake_a_finite_gradient(name, vgg):
    features = load_dlib_features() if name == "dlib" else vgg(name)
    fake = torch.rand(1, 3, 64, 64).requires_grad_(True)
    real = torch.rand(1, 3, 64, 64).requires_grad_(True)
    for index in range(5):
        wanted, given = features(real)[index].detach(), features(fake)[index]
        (gradient,) = torch.autograd.grad((given - wanted).abs().mean(), fake)
        assert gradient.isfinite().all()
        assert gradient.abs().sum() > 0
    loss = PerceptualLoss(features)(fake, real)
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
    loss = load_content_loss("l1", "torchvision", None, "none", "nowhere.pth")
    assert set(loss(torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8))) == {"l1"}


@pytest.mark.parametrize("content", ["vgg", "l1", "vgg+l1"])
@pytest.mark.parametrize("face_features", ["vggface", "dlib", "none"])
def test_the_content_loss_has_the_terms_that_are_asked_for(content, face_features, monkeypatch):
    asked = []

    def network(kind):
        def load_network(*what):
            asked.append((kind, *map(str, what)))
            return VGGFeatures(torch.nn.Sequential(torch.nn.ReLU()), (0,), PIXELS)

        return load_network

    monkeypatch.setattr("loss.content.load_vgg19", network("vgg19"))
    monkeypatch.setattr("loss.content.load_vggface", network("vggface"))
    monkeypatch.setattr("loss.content.load_dlib_features", network("dlib"))
    loss = load_content_loss(content, "caffe", "vgg.pth", face_features, "face.pth")
    face = {face_features} - {"none"}
    image = torch.zeros(1, 3, 8, 8)
    objects = {"vgg": {"vgg19"}, "l1": {"l1"}, "vgg+l1": {"vgg19", "l1"}}[content]
    assert set(loss(image, image)) == objects | face
    files = {"vgg19": ("caffe", "vgg.pth"), "vggface": ("face.pth",), "dlib": ()}
    loaded = [*(["vgg19"] if "vgg" in content else []), *face]
    assert asked == [(name, *files[name]) for name in loaded]


def test_face_features_are_vggfaces_where_named_else_dlibs_where_installed(monkeypatch):
    assert choose_face_features("vgg", Path("face.pth")) == "vggface"
    assert choose_face_features("vgg", None) == "dlib"
    assert choose_face_features("vgg+l1", None) == "dlib"
    assert choose_face_features("l1", Path("face.pth")) == "none"
    monkeypatch.setattr("pretrained.dlib_files.find_spec", lambda name: None)
    assert choose_face_features("vgg", None) == "none"


def test_a_run_of_before_there_was_a_choice_had_vggface_where_its_file_was():
    assert stored_face_features({"content": "vgg", "vggface": "face.pth"}) == "vggface"
    assert stored_face_features({"content": "vgg", "vggface": None}) == "none"
    assert stored_face_features({"content": "l1", "vggface": "face.pth"}) == "none"
    new = {"content": "vgg", "vggface": None, "face_features": "dlib"}
    assert stored_face_features(new) == "dlib"


def test_a_person_may_be_learnt_by_other_content_than_the_run():
    weights = {"l1_weight": 5.0, "vgg19_weight": 0.1}
    run = {"content": "vgg", "vgg19": "caffe", "vggface": "face.pth", "weights": weights}
    assert with_content(run, None) == run
    pixels = with_content(run, "l1")
    assert load_content_loss_of(pixels, None, None)(*torch.ones(2, 1, 3, 8, 8)).keys() == {"l1"}
    assert pixels["weights"] == {"l1_weight": 20.0, "vgg19_weight": 0.1}, "they stand in for it"
    assert with_content(run | {"content": "l1"}, "l1")["weights"] == weights
    assert LossWeights().l1_weight == PIXELS_ALONE
    both = with_content(run, "vgg+l1")
    assert both["weights"] == weights
    assert (both["content"], both["face_features"]) == ("vgg+l1", "vggface")
    faces = with_content(run | {"face_features": "dlib"}, "l1")
    assert (faces["content"], faces["face_features"]) == ("l1", "dlib")


def test_the_content_loss_of_a_run_finds_vggface_where_it_lies_now(monkeypatch):
    asked = []
    monkeypatch.setattr("loss.content.load_vgg19", lambda *what: None)
    monkeypatch.setattr("loss.content.load_vggface", asked.append)
    run = {"content": "vgg", "vgg19": "caffe", "vggface": "then.pth"}
    load_content_loss_of(run, None, None)
    load_content_loss_of(run, None, Path("now.pth"))
    load_content_loss_of(run | {"vggface": None}, None, Path("now.pth"))  # it had none
    assert asked == [Path("then.pth"), Path("now.pth")]


def test_the_content_loss_of_a_run_finds_vgg19_where_it_lies_now(monkeypatch):
    asked = []
    monkeypatch.setattr("loss.content.load_vgg19", lambda *what: asked.append(what))
    run = {"content": "vgg", "vgg19": "then.pth", "vgg19_convention": "caffe", "vggface": None}
    load_content_loss_of(run, None, None)
    load_content_loss_of(run, Path("now.pth"), None)
    load_content_loss_of(run | {"vgg19": None}, None, None)
    older = {"content": "vgg", "vgg19": "caffe", "vggface": None}
    load_content_loss_of(older, None, None)
    files = [Path("then.pth"), Path("now.pth"), None, None]
    assert asked == [("caffe", file) for file in files]
