"""A leak is measured between two shapes."""

import math

import numpy as np
import pytest
import torch

from metric.shape import identity_leak
from tests.dataset.test_shape import tilted
from tests.metric.conftest import face


def leak(output: torch.Tensor) -> float:
    return identity_leak(output, face(0)[0], face(1)[0])


def test_the_sources_shape_leaks_nothing_and_the_drivers_everything():
    assert leak(tilted(face(0)[0], 20, 2, 7)) == pytest.approx(0, abs=1e-5)
    assert leak(tilted(face(1)[0], -35, 0.5, 9)) == pytest.approx(1, abs=1e-5)


def test_the_leak_is_linear_between_source_and_driver():
    source, driver = face(0)[0].double(), face(1)[0].double()
    s, d = (np.ascontiguousarray(x - x.mean(0)).view(complex)[:, 0] for x in (source, driver))
    fitted = np.vdot(s, d) / np.vdot(s, s)  # the driver is nearly `fitted` times the source
    driver_on_source = torch.from_numpy((d / fitted).view(float).reshape(68, 2)) + source.mean(0)
    for share in (-0.5, 0.5, 1.5):
        output = torch.lerp(source, driver_on_source, share)
        assert leak(tilted(output, 15, 3, 1)) == pytest.approx(share, abs=1e-5)


def test_a_third_persons_shape_lies_halfway_on_average():
    generator = torch.Generator().manual_seed(0)
    people = face(0) + 3 * torch.randn(300, 68, 2, generator=generator)
    leaks = [identity_leak(*trio) for trio in people.split(3)]
    average = identity_leak(face(0)[0], *people[:2])
    assert np.mean(leaks) == pytest.approx(0.5, abs=0.03)
    assert average == pytest.approx(0.5, abs=0.1)


def test_a_driver_with_the_sources_shape_cannot_leak():
    assert math.isnan(identity_leak(face(1)[0], face(0)[0], face(0)[0]))
