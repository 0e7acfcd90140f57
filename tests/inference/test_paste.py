"""A generated square goes back where it was cut out, without a seam and without other colours."""

import numpy as np
import pytest

from dataset.crop import Box, face_box, whole_box
from dataset.images import write_image
from inference.paste import LARGEST_SIDE, Place, find_place, paste_back, place_in
from tests.dataset.conftest import face_points

PICTURE = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)


class Knowing:
    """A detector that finds one face in every picture."""

    def __init__(self, landmarks):
        self.landmarks = landmarks

    def detect(self, frames, places, near):
        return self.landmarks[None]


def test_what_was_cut_out_and_is_put_back_changes_nothing():
    square = np.ascontiguousarray(PICTURE[10:42, 20:52])
    assert np.array_equal(paste_back(square, Place(PICTURE, Box(20, 10, 32))), PICTURE)


def test_the_middle_is_the_squares_the_outside_the_pictures_and_the_edge_between_them():
    before = PICTURE.copy()
    white = np.full((8, 8, 3), 255, np.uint8)
    black = np.zeros_like(PICTURE)
    pasted = paste_back(white, Place(black, Box(20, 10, 40)))[..., 0]
    assert (pasted[22:38, 32:48] == 255).all()
    inside = np.zeros(pasted.shape, bool)
    inside[10:50, 20:60] = True
    assert not pasted[~inside].any()
    rising = pasted[30, 19:32].astype(int)
    assert (np.diff(rising) >= 0).all()
    assert np.diff(rising).max() < 64, "no step that an eye finds"
    assert np.array_equal(PICTURE, before)


def test_a_square_that_reaches_the_pictures_edge_does_not_fade_there():
    white = np.full((8, 8, 3), 255, np.uint8)
    black = np.zeros((60, 80, 3), np.uint8)
    pasted = paste_back(white, Place(black, Box(-10, -4, 40)))[..., 0]
    assert (pasted[0, :20] == 255).all()
    assert (pasted[:20, 0] == 255).all()
    assert pasted[10, 29] < 8
    assert pasted.shape == (60, 80)


def test_large_pictures_are_shrunk_with_their_box():
    place = place_in(np.zeros((100, 2560, 3), np.uint8), Box(256, 20, 64))
    assert place.picture.shape == (50, LARGEST_SIDE, 3)
    assert place.box == Box(128, 10, 32)
    assert place_in(PICTURE, Box(1, 2, 3)).picture is PICTURE


@pytest.mark.parametrize(
    ("crop", "expected"),
    [("whole", whole_box(60, 80)), ("face", face_box(face_points(40, 30, 20)))],
)
def test_the_place_in_a_persons_picture_is_what_training_cuts_out(tmp_path, crop, expected):
    write_image(tmp_path / "me.png", PICTURE)
    place = find_place(tmp_path / "me.png", Knowing(face_points(40, 30, 20)), crop)
    assert place.box == expected
    assert np.array_equal(place.picture, PICTURE)


def test_a_picture_without_a_face_is_named(tmp_path):
    write_image(tmp_path / "me.png", PICTURE)
    nobody = np.full((68, 2), np.nan, np.float32)
    with pytest.raises(ValueError, match=r"--paste-back .*me.png shows no face"):
        find_place(tmp_path / "me.png", Knowing(nobody), "face")
