"""Structural similarity of images."""

import torch.nn.functional as F
from torch import Tensor

from metric.pixels import require_same_shape
from metric.window import gaussian


def ssim(
    a: Tensor,
    b: Tensor,
    black: float = -1.0,
    data_range: float = 2.0,
    window: int = 11,
    sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
) -> Tensor:
    """Compare images by local means, variances and covariances.

    Args:
        a, b: (B, C, H, W), here in [-1, 1].
        black: value of a black pixel; the measure is made for values from 0 up.
        data_range: difference of white and black.
        window, sigma: side and standard deviation of the Gaussian window, pixels.
        k1, k2: constants that keep the ratios finite.

    Returns:
        (B,) mean over channels and over the pixels whose window lies inside; 1 for equal images.

    Raises:
        ValueError: the shapes differ, or an image is smaller than the window.

    Source: Wang et al. 2004, Eq. 13, with its Gaussian window.
    """
    require_same_shape(a, b)
    if min(a.shape[-2:]) < window:
        raise ValueError(f"images must be of {window} pixels or more, got {tuple(a.shape)}")
    profile = gaussian(window, sigma, a.device)
    kernel = (profile[:, None] * profile).expand(a.shape[1], 1, window, window)

    def local_mean(x: Tensor) -> Tensor:
        return F.conv2d(x, kernel, groups=x.shape[1])

    a, b = a.float(), b.float()
    mean_a, mean_b = local_mean(a), local_mean(b)
    variance_a = local_mean(a * a) - mean_a**2
    variance_b = local_mean(b * b) - mean_b**2
    covariance = local_mean(a * b) - mean_a * mean_b
    c1, c2 = (k1 * data_range) ** 2, (k2 * data_range) ** 2
    light_a, light_b = mean_a - black, mean_b - black
    likeness = (2 * light_a * light_b + c1) * (2 * covariance + c2)
    likeness = likeness / ((light_a**2 + light_b**2 + c1) * (variance_a + variance_b + c2))
    return likeness.mean(dim=(1, 2, 3))
