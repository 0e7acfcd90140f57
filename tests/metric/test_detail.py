"""The measure of fine detail ranks blur and noise, and is not cheated by either."""

import pytest
import torch
from torchvision.transforms.functional import affine, gaussian_blur

from dataset.images import frame_to_image, normalize
from drawn_heads.motion import Pose
from drawn_heads.people import draw_person
from drawn_heads.render import render
from drawn_heads.scenes import draw_scene
from metric.detail import detail


@pytest.fixture(scope="module")
def truth() -> torch.Tensor:
    frames = [render(draw_person(n), draw_scene(n), Pose(), 64)[0] for n in range(3)]
    return normalize(torch.stack([frame_to_image(frame) for frame in frames]))


def blurred(images, sigma):
    return gaussian_blur(images, 8 * round(sigma) + 1, sigma)


def noisy(images, level):
    return images + level * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))


def mean(images, truth):
    return detail(images, truth).mean().item()


def test_equal_images_have_all_detail(truth):
    torch.testing.assert_close(detail(truth, truth), torch.ones(3))
    torch.testing.assert_close(detail(truth * 0.5 + 0.5, truth * 0.5 + 0.5), torch.ones(3))


def test_more_blur_and_more_noise_leave_less(truth):
    assert 1 > mean(blurred(truth, 0.6), truth) > mean(blurred(truth, 1), truth) > 0.3
    assert mean(blurred(truth, 1), truth) > 2 * mean(blurred(truth, 2), truth)
    levels = [mean(noisy(truth, level), truth) for level in (0.05, 0.1, 0.2, 0.4)]
    assert 1 > levels[0] > levels[1] > levels[2] > levels[3] > 0


def test_noise_on_a_blurred_picture_is_no_detail(truth):
    soft = blurred(truth, 1)
    assert mean(noisy(soft, 0.1), truth) < mean(soft, truth)


def test_another_person_has_little_of_it_and_a_small_displacement_all(truth):
    assert mean(truth.roll(1, 0), truth) < 0.6
    assert mean(affine(truth, 0, [1, -2], 1, [0]), truth) > 0.95
    assert mean(affine(truth, 0, [4, 4], 1, [0]), truth) < 0.5


def test_a_plain_truth_has_no_number_and_other_shapes_are_refused(truth):
    for grey in (0, 0.3, 1):
        assert detail(truth, torch.full_like(truth, grey)).isnan().all()
    with pytest.raises(ValueError, match="shape"):
        detail(truth, truth[:2])
