"""Jitter and flicker: what stands still is none, what is drawn afresh is all."""

import math

import pytest
import torch

from metric.motion import flicker, landmark_jitter
from metric.pixels import l1
from tests.metric.conftest import face, noise


def moving_face(frames: int) -> torch.Tensor:
    path = torch.linspace(0, 20, frames)[:, None, None]
    return face(0) + path * torch.tensor([1.0, -0.5])


def test_a_face_that_follows_its_driver_at_a_distance_does_not_jitter():
    wanted = moving_face(6)
    offset = 5 * torch.randn(1, 68, 2, generator=torch.Generator().manual_seed(0))
    assert landmark_jitter(wanted + offset, wanted).item() < 1e-6


def test_one_jump_has_its_closed_form():
    wanted = moving_face(5)
    found = wanted.clone()
    found[3:] += torch.tensor([3.0, 4.0])  # the eyes are 40 pixels apart
    expected = 5 / 40 / math.sqrt(2) / 4
    assert landmark_jitter(found, wanted).item() == pytest.approx(expected, rel=1e-4)


def test_points_are_joined_by_the_root_of_their_mean_square():
    wanted = face(0, 1).expand(2, 68, 2)
    found = wanted.clone()
    found[1, :17, 0] += 8  # a quarter of the points
    assert landmark_jitter(found, wanted).item() == pytest.approx(8 / 40 / 2 / math.sqrt(2))


def test_errors_drawn_afresh_give_their_own_length():
    wanted = face(0).expand(400, 68, 2)
    error = torch.randn(400, 68, 2, generator=torch.Generator().manual_seed(0)) * 2
    expected = error.square().sum(-1).mean().sqrt().item() / 40
    assert landmark_jitter(wanted + error, wanted).item() == pytest.approx(expected, rel=0.01)


def test_a_face_twice_as_large_jitters_as_much():
    wanted = moving_face(6)
    found = wanted + torch.randn(wanted.shape, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        landmark_jitter(2 * found, 2 * wanted), landmark_jitter(found, wanted)
    )


def test_the_scale_is_the_wanted_faces():
    wanted = moving_face(5)
    found = wanted.clone()
    found[:, 45, 0] += 200  # a steady mistake, however large
    found[3:] += torch.tensor([3.0, 4.0])
    expected = 5 / 40 / math.sqrt(2) / 4
    assert landmark_jitter(found, wanted).item() == pytest.approx(expected, rel=1e-4)


def test_the_order_of_time_matters():
    wanted = face(0).expand(6, 68, 2)
    drift = wanted + torch.arange(6.0)[:, None, None]
    shuffled = drift[[0, 3, 1, 5, 2, 4]]
    assert landmark_jitter(shuffled, wanted) > 2 * landmark_jitter(drift, wanted)


def test_steps_beside_a_missing_face_are_left_out():
    wanted = moving_face(6)
    found = wanted.clone()
    found[1] += 4
    found[2] = torch.nan  # steps 1-2 and 2-3 are lost; 0-1 jumps, 3-4 and 4-5 do not
    expected = 4 * math.sqrt(2) / 40 / math.sqrt(2) / 3
    assert landmark_jitter(found, wanted).item() == pytest.approx(expected, rel=1e-4)


def test_no_step_is_no_number():
    assert landmark_jitter(face(0, 1), face(0, 1)).isnan()
    assert flicker(noise(0, 1), noise(0, 1)).isnan()
    missing = face(0, 3)
    missing[1] = torch.nan
    assert landmark_jitter(missing, face(0, 3)).isnan()


def test_a_wrong_but_steady_picture_does_not_flicker():
    truth = noise(0, 4)
    assert flicker(truth, truth).item() == 0
    assert flicker(truth + noise(1, 1), truth).item() < 1e-6


def test_one_flash_has_its_closed_form():
    truth = torch.zeros(4, 3, 8, 8)
    images = truth.clone()
    images[2] = 0.5
    expected = (0.5 + 0.5) / 3 / 2 / math.sqrt(2)
    assert flicker(images, truth).item() == pytest.approx(expected)
    bytes_ = [(x + 1) * 127.5 for x in (images, truth)]
    assert flicker(*bytes_, data_range=255).item() == pytest.approx(expected)


def test_gaussian_noise_drawn_afresh_flickers_by_its_own_l1():
    truth = torch.zeros(20, 3, 32, 32)
    images = 0.1 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(0))
    expected = l1(images, truth).mean().item()
    assert flicker(images, truth).item() == pytest.approx(expected, rel=0.01)


def test_videos_of_different_length_are_refused():
    with pytest.raises(ValueError, match="same shape"):
        flicker(noise(0, 3), noise(0, 2))
