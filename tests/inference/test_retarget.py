"""The driver's motion on another face: closed forms."""

import itertools
from functools import partial

import numpy as np
import pytest

from dataset.landmarks import MIRRORED
from inference.retarget import (
    CALIBRATION,
    INNER_LIPS,
    REST,
    face_size,
    most_neutral,
    most_similar,
    moved,
)

relative_motion, retargeted_motion = (partial(moved, name) for name in ("relative", "retargeted"))
rng = np.random.default_rng(0)
FACE = rng.uniform(10, 50, (68, 2)).astype(np.float32)
OTHER = rng.uniform(10, 50, (68, 2)).astype(np.float32)


def symmetric(points):
    return (points + points[MIRRORED] * [-1, 1]) / 2


def placed(points, angle=0.0, size=1.0, place=(0.0, 0.0)):
    turn = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    points = points - points.mean(0)
    return (points / face_size(points) * size @ np.array(turn) + place).astype(np.float32)


def fitted(points, to):
    """Move, scale and turn points to fit others, by least squares."""
    z, w = (x[:, 0] + 1j * x[:, 1] for x in (points - points.mean(0), to - to.mean(0)))
    w_fit = z * (np.vdot(z, w) / np.vdot(z, z))
    return np.stack([w_fit.real, w_fit.imag], -1) + to.mean(0)


ANGLES = (0.0, 0.3, -0.2, 0.5, 0.1)
DRIVER_SHAPE = symmetric(rng.normal(0, 1, (68, 2)))
SOURCE_SHAPE = symmetric(DRIVER_SHAPE + rng.normal(0, 0.1, (68, 2)))
DRIVING = np.stack([placed(DRIVER_SHAPE, a, 20 + 9 * a, (30 + 5 * a, 40)) for a in ANGLES])


def test_the_size_of_a_face_is_its_root_mean_square_radius():
    square = np.tile([[3.0, 4.0], [-3.0, -4.0]], (34, 1)) + 100
    assert face_size(square) == pytest.approx(5)
    assert face_size(np.stack([square, 2 * square])) == pytest.approx([5, 10])


def test_a_driver_at_rest_leaves_the_source_as_it_is():
    moved = list(relative_motion([FACE] * 3, OTHER[None]))
    assert np.allclose(moved, OTHER, atol=1e-5)


def test_a_shifted_driver_shifts_the_source_by_its_own_measure():
    driver = 2 * FACE  # twice as large as the source, so its steps count half
    moved = list(relative_motion([driver, driver + [8, -4]], FACE[None]))
    assert np.allclose(moved[0], FACE, atol=1e-4)
    assert np.allclose(moved[1], FACE + [4, -2], atol=1e-4)


@pytest.mark.parametrize("first", ["at rest", "moved"])
def test_one_moving_point_moves_that_point_alone_whenever_the_driver_rests(first):
    still = placed(DRIVER_SHAPE, size=30)  # symmetric, so it is the one that looks straight ahead
    opened = still.copy()
    opened[50] += [0, 6]
    driver, at = ([still, opened], 1) if first == "at rest" else ([opened, still], 0)
    moved = list(relative_motion(driver, (3 * still)[None]))
    assert np.allclose(moved[at][50], 3 * still[50] + [0, 18], atol=1e-4)
    assert np.allclose(np.delete(moved[at], 50, 0), np.delete(3 * still, 50, 0), atol=1e-4)
    assert np.allclose(moved[1 - at], 3 * still, atol=1e-4)


def test_the_most_neutral_face_looks_ahead_and_has_its_mouth_closed():
    ahead = placed(DRIVER_SHAPE, angle=0.4, size=30)  # its head is tilted, which does not count
    turned = placed(DRIVER_SHAPE * [0.6, 1] + DRIVER_SHAPE[:, 1:] * [0.2, 0], size=50)
    speaking = ahead.copy()
    upper, lower = INNER_LIPS
    ahead[lower] = ahead[upper] + 1
    speaking[lower] = speaking[upper] + 12
    assert most_neutral(np.stack([turned, speaking, ahead])) == 2


def test_three_seconds_are_read_ahead_for_the_driver_at_rest():
    read = iter(range(2 * REST))
    next(relative_motion((FACE for _ in read), OTHER[None]))
    assert next(read) == REST


def test_the_same_face_elsewhere_and_larger_is_the_most_similar():
    turned = FACE * [0.6, 1]
    candidates = np.stack([OTHER, turned, 1.7 * FACE + [30, -9]])
    assert most_similar(FACE, candidates) == 2
    assert (next(relative_motion([FACE], candidates)) == candidates[2].astype(np.float32)).all()


@pytest.mark.parametrize("move", [relative_motion, retargeted_motion])
def test_motion_is_streamed_and_an_empty_one_stays_empty(move):
    endless = move(itertools.repeat(FACE), OTHER[None])
    assert len(list(itertools.islice(endless, 5))) == 5
    assert list(move([], OTHER[None])) == []


def test_ten_seconds_of_the_driver_tell_its_shape_and_no_more_is_read_ahead():
    read = iter(range(2 * CALIBRATION))
    moved = retargeted_motion((FACE for _ in read), OTHER[None])
    next(moved)
    assert next(read) == CALIBRATION


@pytest.mark.parametrize("pictures", [1, 2, 8])
def test_retargeted_motion_has_the_sources_shape_the_surer_the_more_pictures(pictures):
    sources = np.stack([placed(SOURCE_SHAPE, 0.1 * i, 50 + i, (9, i)) for i in range(pictures)])
    moved = np.stack(list(retargeted_motion(DRIVING, sources)))
    share = pictures / (pictures + 1)
    # shapes of unit size, the source's turned to fit the driver's
    own = [placed(fitted(SOURCE_SHAPE, x), 0, face_size(x), x.mean(0)) for x in DRIVING]
    assert np.allclose(moved, share * np.stack(own) + (1 - share) * DRIVING, atol=1e-3)


def test_retargeted_to_its_own_face_the_driver_moves_as_it_does():
    sources = np.stack([placed(x, 0.4, 33, (7, 8)) for x in DRIVING[1:3]])
    assert np.allclose(list(retargeted_motion(DRIVING, sources)), DRIVING, atol=1e-3)


def test_an_expression_that_both_show_is_no_difference_of_their_shapes():
    opened = np.zeros((68, 2))
    opened[57] = 0, 0.8
    driving = np.stack([DRIVER_SHAPE, DRIVER_SHAPE + opened] * 3)
    closed_mouth = np.stack(list(retargeted_motion(driving, SOURCE_SHAPE[None])))
    open_mouth = np.stack(list(retargeted_motion(driving, (SOURCE_SHAPE + opened)[None])))
    assert np.abs(closed_mouth - open_mouth).max() < 0.05 * 0.8
