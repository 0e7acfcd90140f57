"""The Fréchet distance of two sets of features; of Inception's features, it is FID."""

import torch
from torch import Tensor


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """Fit a Gaussian to each set of features and return the distance of the two.

    FID is strongly biased at small N, upwards: compare only values at equal N.

    Args:
        a: (N, D) features, one image a row.
        b: (M, D) features to compare with.

    Returns:
        Squared distance, at least 0 up to rounding.

    Raises:
        ValueError: the sets differ in D, or one has fewer than two rows.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(
            f"features must be (N, D) and (M, D), got {tuple(a.shape)}, {tuple(b.shape)}"
        )
    if min(len(a), len(b)) < 2:
        raise ValueError(f"a covariance needs 2 rows or more, got {len(a)} and {len(b)}")
    return gaussian_frechet(*_gaussian(a), *_gaussian(b))


def gaussian_frechet(mean_a: Tensor, cov_a: Tensor, mean_b: Tensor, cov_b: Tensor) -> float:
    """Return |mean_a - mean_b|^2 + tr(A + B - 2 (A B)^(1/2)) of two Gaussians.

    The trace of (A B)^(1/2) is taken as that of (A^(1/2) B A^(1/2))^(1/2), whose matrices are
    symmetric: stable also where the covariances have no inverse.

    Args:
        mean_a, mean_b: (D,).
        cov_a, cov_b: (D, D), symmetric, positive semi-definite.

    Source: Dowson and Landau 1982, "The Fréchet distance between multivariate normal
    distributions".
    """
    mean_a, cov_a, mean_b, cov_b = (x.double() for x in (mean_a, cov_a, mean_b, cov_b))
    root_a = _square_root(cov_a)
    eigenvalues = torch.linalg.eigvalsh(root_a @ cov_b @ root_a)
    overlap = eigenvalues.clamp(min=0).sqrt().sum()
    apart = (mean_a - mean_b).square().sum()
    return (apart + cov_a.trace() + cov_b.trace() - 2 * overlap).item()


def _gaussian(features: Tensor) -> tuple[Tensor, Tensor]:
    features = features.double()
    return features.mean(0), torch.cov(features.T).reshape(2 * (features.shape[1],))


def _square_root(covariance: Tensor) -> Tensor:
    eigenvalues, vectors = torch.linalg.eigh(covariance)
    return vectors * eigenvalues.clamp(min=0).sqrt() @ vectors.T
