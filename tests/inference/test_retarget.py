"""The driver's motion on another face: closed forms."""

import itertools

import numpy as np
import pytest

from inference.retarget import face_size, most_similar, relative_motion

rng = np.random.default_rng(0)
FACE = rng.uniform(10, 50, (68, 2)).astype(np.float32)
OTHER = rng.uniform(10, 50, (68, 2)).astype(np.float32)


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


def test_one_moving_point_moves_that_point_alone():
    opened = FACE.copy()
    opened[57] += [0, 6]
    moved = list(relative_motion([FACE, opened], (3 * FACE)[None]))[1]
    assert np.allclose(moved[57], 3 * FACE[57] + [0, 18], atol=1e-4)
    assert np.allclose(np.delete(moved, 57, 0), np.delete(3 * FACE, 57, 0), atol=1e-4)


def test_the_same_face_elsewhere_and_larger_is_the_most_similar():
    turned = FACE * [0.6, 1]
    candidates = np.stack([OTHER, turned, 1.7 * FACE + [30, -9]])
    assert (most_similar(FACE, candidates) == candidates[2]).all()
    assert (next(relative_motion([FACE], candidates)) == candidates[2].astype(np.float32)).all()


def test_motion_is_read_one_frame_at_a_time_and_an_empty_one_stays_empty():
    endless = relative_motion(itertools.repeat(FACE), OTHER[None])
    assert len(list(itertools.islice(endless, 5))) == 5
    assert list(relative_motion([], OTHER[None])) == []
