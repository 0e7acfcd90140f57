"""The One Euro filter: steadier at rest, never late by a frame, as strong as is asked for."""

import itertools

import numpy as np
import pytest

from inference.driver import DrivingFrame
from inference.retarget import face_size
from inference.smoothing import OneEuroFilter, smoothed

FPS = 25.0
rng = np.random.default_rng(0)
FACE = rng.uniform(60, 190, (68, 2))


def run(landmarks, strength, repeats=1):
    moments = [DrivingFrame(None, points.astype(np.float32), repeats) for points in landmarks]
    return np.stack([moment.landmarks for moment in smoothed(moments, strength, FPS)])


def jitter(landmarks):
    return np.sqrt(np.square(np.diff(landmarks, axis=0)).sum(-1).mean())


def blinking(frames=60, closing=3):
    """A face at rest whose lids (two points) come down in three frames, and go up again."""
    closed = np.interp(np.arange(frames) % 20, [8, 8 + closing, 8 + 2 * closing], [0, 1, 0])
    landmarks = np.repeat(FACE[None], frames, 0)
    landmarks[:, [37, 38], 1] += 0.15 * face_size(FACE) * closed[:, None]
    return landmarks


@pytest.mark.parametrize(("strength", "most"), [(0.25, 0.65), (0.5, 0.45), (1, 0.3)])
def test_a_face_at_rest_trembles_less_the_stronger_it_is_smoothed(strength, most):
    noisy = FACE + rng.normal(0, 0.005 * face_size(FACE), (200, 68, 2))
    assert jitter(run(noisy, strength)[50:]) < most * jitter(noisy[50:])


def test_strength_0_leaves_landmarks_as_they_are():
    noisy = (FACE + rng.normal(0, 1, (5, 68, 2))).astype(np.float32)
    assert (run(noisy, 0) == noisy).all()


@pytest.mark.parametrize("strength", [0.5, 1])
def test_a_blink_comes_less_than_a_frame_late_and_closes_the_eye(strength):
    landmarks = blinking()
    lid = landmarks[:, 37, 1] - FACE[37, 1]
    smooth = run(landmarks, strength)[:, 37, 1] - FACE[37, 1]
    times = np.arange(len(lid))
    delays = np.arange(0, 3, 0.05)
    errors = [np.square(np.interp(times - delay, times, lid) - smooth).sum() for delay in delays]
    assert delays[np.argmin(errors)] < 1
    assert smooth.max() > 0.7 * lid.max()


def test_the_other_points_of_a_blinking_face_stay_at_rest():
    smooth = run(blinking(), 1)
    still = np.delete(smooth, [37, 38], 1)
    assert np.abs(still - np.delete(FACE, [37, 38], 0)).max() < 0.01


def test_size_and_rate_do_not_change_how_a_motion_is_smoothed():
    landmarks = blinking()
    assert np.allclose(run(3 * landmarks, 0.5), 3 * run(landmarks, 0.5), atol=1e-3)
    slow = np.repeat(landmarks, 2, 0)[::2]  # each moment lasts two frames of the result
    assert (run(slow, 0.5, repeats=2) != run(landmarks, 0.5)).any()
    every = OneEuroFilter(0.5)
    halves = np.stack([every(points, 2 / FPS) for points in slow])
    assert np.allclose(halves, run(slow, 0.5, repeats=2), atol=1e-3)


def test_an_endless_driver_is_smoothed_as_it_comes():
    endless = (DrivingFrame(None, FACE.astype(np.float32)) for _ in itertools.count())
    (first,) = itertools.islice(smoothed(endless, 1, FPS), 1)
    assert np.allclose(first.landmarks, FACE, atol=1e-3)


@pytest.mark.parametrize("strength", [-0.1, 1.5])
def test_a_strength_out_of_range_is_refused(strength):
    with pytest.raises(ValueError, match="strength of smoothing must be above 0 to 1, got"):
        list(smoothed([], strength, FPS))
