"""LPIPS against the published package, both with the same AlexNet."""

import warnings

import pytest
import torch
from torchvision.models import alexnet

from metric.perceptual import Lpips
from pretrained.lpips import load_lpips
from tests.metric.conftest import noise, spots

ALEXNET = "alexnet-owt-7be5be79.pth"


@pytest.fixture(scope="module")
def alexnet_file(tmp_path_factory):
    """Random weights under the real name, in a torch hub of their own."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("torch") / "hub" / "checkpoints" / ALEXNET
    path.parent.mkdir(parents=True)
    torch.save(alexnet(weights=None).state_dict(), path)
    return path


@pytest.fixture(scope="module")
def lpips(alexnet_file):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_HOME", str(alexnet_file.parents[2]))
        yield Lpips(load_lpips())


def test_it_agrees_with_the_published_package(lpips):
    from lpips import LPIPS

    with warnings.catch_warnings(action="ignore"):  # torchvision's old way to ask for weights
        published = LPIPS(net="alex", version="0.1", verbose=False)
    a, b = spots(0, 2, 64), noise(1, 2, 64)
    expected = published(a, b).flatten()
    assert expected.min() > 1e-3
    torch.testing.assert_close(lpips(a, b), expected, rtol=1e-4, atol=0)


def test_equal_images_are_at_no_distance_and_noise_grows_it(lpips):
    a = spots(0, 2, 64)
    assert lpips(a, a).tolist() == [0, 0]
    little, much = (lpips(a, a + sigma * noise(1, 2, 64)) for sigma in (0.05, 0.5))
    assert (little > 0).all()
    assert (little < much).all()


def test_each_image_has_its_own_distance_also_when_alone(lpips):
    a, b = spots(0, 2, 64), noise(1, 2, 64)
    alone = torch.cat([lpips(a[:1], b[:1]), lpips(a[1:], b[1:])])
    torch.testing.assert_close(alone, lpips(a, b), rtol=1e-4, atol=0)


def test_it_is_frozen_and_stays_in_evaluation(lpips):
    assert not any(parameter.requires_grad for parameter in lpips.parameters())
    a, b = spots(0, 1, 64), noise(1, 1, 64)
    before = lpips(a, b)
    torch.testing.assert_close(lpips.train()(a, b), before)


def test_images_that_cannot_be_compared_are_refused(lpips):
    with pytest.raises(ValueError, match="same shape"):
        lpips(noise(0, 1, 64), noise(0, 1, 48))
    with pytest.raises(ValueError, match="31 pixels"):
        lpips(noise(0, 1, 30), noise(0, 1, 30))
    assert lpips(noise(0, 1, 31), noise(1, 1, 31)).isfinite().all()
