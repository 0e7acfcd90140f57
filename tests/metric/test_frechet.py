"""The Fréchet distance against scipy and Gaussians whose distance is known."""

import math

import numpy as np
import pytest
import scipy.linalg
import torch

from metric.frechet import frechet_distance, gaussian_frechet


def features(seed: int, rows: int, dimensions: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(dimensions, dimensions, generator=generator)
    return torch.randn(rows, dimensions, generator=generator) @ mixing + seed


def by_square_root(a: np.ndarray, b: np.ndarray) -> float:
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(cov_a @ cov_b).real
    return np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(cov_a + cov_b - 2 * root)


def test_it_agrees_with_scipys_matrix_square_root():
    a, b = features(0, 200, 24), features(1, 150, 24)
    expected = by_square_root(a.double().numpy(), b.double().numpy())
    assert math.isclose(frechet_distance(a, b), expected, rel_tol=1e-6)


def test_gaussians_with_commuting_covariances_have_their_closed_form():
    generator = torch.Generator().manual_seed(0)
    turn, _ = torch.linalg.qr(torch.randn(6, 6, generator=generator, dtype=torch.double))
    mean = torch.randn(6, generator=generator, dtype=torch.double)
    one, other = torch.tensor([1.0, 4, 9, 0, 2, 5]), torch.tensor([4.0, 1, 9, 3, 0, 5])
    cov_one, cov_other = (turn * x.double() @ turn.T for x in (one, other))
    expected = 25 * 6 + ((one.sqrt() - other.sqrt()) ** 2).sum().item()
    assert math.isclose(
        gaussian_frechet(mean, cov_one, mean + 5, cov_other), expected, rel_tol=1e-6
    )


def test_fewer_rows_than_dimensions_still_have_their_distance():
    a, b = features(0, 10, 64), features(1, 12, 64)
    # Both covariances are X^T X; the trace of their root is the sum of singular values of X Y^T.
    x, y = ((m.double() - m.double().mean(0)) / math.sqrt(len(m) - 1) for m in (a, b))
    overlap = torch.linalg.svdvals(x @ y.T).sum()
    apart = (a.double().mean(0) - b.double().mean(0)).square().sum()
    expected = (apart + x.square().sum() + y.square().sum() - 2 * overlap).item()
    assert math.isclose(frechet_distance(a, b), expected, rel_tol=1e-6)


def test_equal_sets_are_at_no_distance_and_order_does_not_matter():
    a, b = features(0, 50, 16), features(1, 50, 16)
    assert abs(frechet_distance(a, a.flip(0))) < 1e-6
    assert math.isclose(frechet_distance(a, b), frechet_distance(b, a), rel_tol=1e-9)


def test_a_shift_of_all_features_counts_by_its_square():
    a = features(0, 50, 16)
    assert math.isclose(frechet_distance(a, a + 3), 16 * 9, rel_tol=1e-5)


def test_twice_the_spread_of_one_feature_has_its_closed_form():
    a = torch.tensor([[-1.0], [1.0]])  # variance 2, unbiased
    assert math.isclose(frechet_distance(a, 2 * a), 2, rel_tol=1e-9)


def test_sets_that_have_no_distance_are_refused():
    with pytest.raises(ValueError, match=r"\(5, 3\), \(5, 4\)"):
        frechet_distance(torch.zeros(5, 3), torch.zeros(5, 4))
    with pytest.raises(ValueError, match="2 rows or more, got 5 and 1"):
        frechet_distance(torch.zeros(5, 3), torch.zeros(1, 3))
