"""L1 and PSNR against scikit-image and cases with a known answer."""

import math

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from metric.pixels import l1, psnr
from tests.metric.conftest import noise


def test_psnr_agrees_with_scikit_image():
    a, b = noise(0), 0.8 * noise(0) + 0.2 * noise(1)
    expected = [
        peak_signal_noise_ratio(x.double().numpy(), y.double().numpy(), data_range=2)
        for x, y in zip(a, b, strict=True)
    ]
    np.testing.assert_allclose(psnr(a, b), expected, rtol=1e-5)


def test_l1_is_the_mean_absolute_difference_as_a_share_of_the_range():
    a, b = noise(0), noise(1)
    expected = np.abs(a.numpy() - b.numpy()).mean((1, 2, 3)) / 2
    np.testing.assert_allclose(l1(a, b), expected, rtol=1e-5)


def test_equal_images_have_no_error():
    assert l1(noise(0), noise(0)).tolist() == [0, 0]
    assert psnr(noise(0), noise(0)).tolist() == [math.inf, math.inf]


def test_black_against_white_is_the_whole_range():
    black, white = -torch.ones(1, 3, 4, 4), torch.ones(1, 3, 4, 4)
    assert l1(black, white).item() == 1
    assert psnr(black, white).item() == 0


def test_a_constant_shift_has_its_closed_form():
    grey = torch.zeros(1, 3, 4, 4)
    assert math.isclose(l1(grey, grey + 0.02).item(), 0.01, rel_tol=1e-5)
    assert math.isclose(psnr(grey, grey + 0.02).item(), 40, rel_tol=1e-5)


def test_one_changed_pixel_counts_by_its_share_and_only_in_its_image():
    a = torch.zeros(2, 3, 10, 10)
    b = a.clone()
    b[1, 0, 4, 4] = 1
    assert l1(a, b).tolist() == pytest.approx([0, 1 / 300 / 2])
    assert psnr(a, b).tolist() == [math.inf, pytest.approx(10 * math.log10(4 * 300), rel=1e-6)]


def test_the_data_range_is_the_callers():
    a, b = noise(0), noise(1)
    bytes_a, bytes_b = (a + 1) * 127.5, (b + 1) * 127.5
    torch.testing.assert_close(l1(bytes_a, bytes_b, data_range=255), l1(a, b))
    torch.testing.assert_close(psnr(bytes_a, bytes_b, data_range=255), psnr(a, b))


@pytest.mark.parametrize("metric", [l1, psnr])
def test_images_that_cannot_be_compared_are_refused(metric):
    with pytest.raises(ValueError, match=r"same shape, got \(2, 3, 32, 32\), \(1, 3, 32, 32\)"):
        metric(noise(0), noise(0, count=1))
    with pytest.raises(ValueError, match=r"\(B, C, H, W\), got \(3, 32, 32\)"):
        metric(noise(0)[0], noise(0)[0])
