"""What can be a face in a picture, and what can be the same face a moment later."""

import numpy as np
import pytest

from dataset.detection.following import fits, jumps
from tests.dataset.conftest import face_points

FACE = face_points(60, 50, 40)


def test_landmarks_in_pixels_fit_their_picture():
    assert fits(FACE, 100, 120)
    assert fits(FACE - [55, 0], 100, 120), "half outside"


@pytest.mark.parametrize(
    "strange",
    [FACE / 120, FACE * 4, FACE + [100, 0], np.full((68, 2), np.nan), np.full((68, 2), 50.0)],
    ids=["from 0 to 1", "of a larger picture", "beside the picture", "none", "in one place"],
)
def test_other_landmarks_do_not_fit(strange):
    assert not fits(strange.astype(np.float32), 100, 120)


def test_a_head_moves_by_little_at_once_and_further_in_longer_times():
    assert not jumps(FACE, FACE + [12, 5], 0.04)
    assert jumps(FACE, FACE + [40, 0], 0.04)
    assert not jumps(FACE, FACE + [40, 0], 0.5)
    assert jumps(FACE, FACE + [400, 0], 0.5)
