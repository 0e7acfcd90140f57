"""SSIM against its definition and cases with a known answer."""

import math

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from metric.ssim import ssim


def noise(seed: int, size: int = 24) -> torch.Tensor:
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def by_definition(a: np.ndarray, b: np.ndarray) -> float:
    """SSIM of (H, W) images in [-1, 1] written out pixel by pixel, on values from 0 up."""
    a, b = a + 1, b + 1
    g = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    window = np.outer(g, g) / g.sum() ** 2
    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    values = []
    for y in range(a.shape[0] - 10):
        for x in range(a.shape[1] - 10):
            p, q = a[y : y + 11, x : x + 11], b[y : y + 11, x : x + 11]
            mp, mq = (window * p).sum(), (window * q).sum()
            vp, vq = (window * (p - mp) ** 2).sum(), (window * (q - mq) ** 2).sum()
            cov = (window * (p - mp) * (q - mq)).sum()
            values.append(
                (2 * mp * mq + c1) * (2 * cov + c2) / ((mp**2 + mq**2 + c1) * (vp + vq + c2))
            )
    return float(np.mean(values))


def test_equal_images_score_one():
    assert torch.allclose(ssim(noise(0), noise(0)), torch.ones(2))


def test_it_agrees_with_the_definition_to_four_digits():
    a, b = noise(0), 0.7 * noise(0) + 0.3 * noise(1)
    expected = np.mean([by_definition(a[1, c].double().numpy(), b[1, c].double().numpy())
                        for c in range(3)])  # fmt: skip
    assert math.isclose(ssim(a, b)[1].item(), expected, abs_tol=5e-5)


def test_it_agrees_with_scikit_image_inside_the_border():
    a, b = noise(0), 0.7 * noise(0) + 0.3 * noise(1)
    _, maps = structural_similarity(
        (a[0].double().numpy() + 1) / 2, (b[0].double().numpy() + 1) / 2, data_range=1,
        channel_axis=0,
        gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True,
    )  # fmt: skip
    inside = maps[:, 5:-5, 5:-5]  # scikit-image mirrors the picture where the window leaves it
    assert math.isclose(ssim(a, b)[0].item(), inside.mean(), abs_tol=1e-5)


def test_a_constant_shift_of_a_flat_image_has_its_closed_form():
    a, b = torch.full((1, 3, 16, 16), 0.5), torch.full((1, 3, 16, 16), 0.3)
    c1 = (0.01 * 2) ** 2
    expected = (2 * 1.5 * 1.3 + c1) / (1.5**2 + 1.3**2 + c1)
    assert math.isclose(ssim(a, b).item(), expected, rel_tol=1e-4)


def test_it_is_the_same_whatever_range_the_pixels_are_kept_in():
    a, b = noise(0), 0.7 * noise(0) + 0.3 * noise(1)
    bytes_ = ssim(127.5 * (a + 1), 127.5 * (b + 1), black=0.0, data_range=255.0)
    torch.testing.assert_close(ssim(a, b), bytes_, atol=1e-5, rtol=0)


def test_it_is_symmetric_and_noise_scores_near_zero():
    assert torch.allclose(ssim(noise(0), noise(1)), ssim(noise(1), noise(0)))
    assert ssim(noise(0), noise(1)).abs().max() < 0.1


def test_different_shapes_and_tiny_images_are_refused():
    with pytest.raises(ValueError, match="same shape"):
        ssim(noise(0), noise(0, 32))
    with pytest.raises(ValueError, match="11 pixels"):
        ssim(noise(0, 10), noise(0, 10))
