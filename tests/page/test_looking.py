"""What is said of a person's pictures before anything is learnt from them."""

import cv2
import numpy as np
import pytest

from dataset.images import write_image
from dataset.video.writing import VideoWriter
from drawn_heads.motion import Pose
from drawn_heads.people import draw_person
from drawn_heads.render import render
from drawn_heads.scenes import draw_scene
from page.looking import OF_A_FILM, SHOWN, look


def shot(yaw=0.0, size=256):
    return render(draw_person(3), draw_scene(3), Pose(yaw=yaw), size)[0]


def small(picture):
    return cv2.resize(picture, (48, 48), interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize(
    "words, change",
    [
        ("good", lambda picture: picture),
        ("a small face", small),
        ("blurred", lambda picture: cv2.GaussianBlur(picture, (0, 0), 5)),
        ("partly outside", lambda picture: picture[:, :150]),
    ],
)
def test_a_face_that_is_too_small_blurred_or_cut_off_is_told_from_a_good_one(
    tmp_path, words, change
):
    write_image(tmp_path / "me.png", change(shot()))
    (seen,) = look([tmp_path / "me.png"], image_size=256)
    assert seen.usable
    assert seen.words.startswith("me.png: ")
    assert words in seen.words
    assert seen.picture.shape == (SHOWN, SHOWN, 3)


def test_a_face_that_is_turned_away_is_said_and_one_that_is_not_is_not(tmp_path):
    for name, yaw in (("away", -50), ("front", 5)):
        write_image(tmp_path / f"{name}.png", shot(yaw))
    away, front = look([tmp_path / "away.png", tmp_path / "front.png"], image_size=64)
    assert "turned by" in away.words
    assert front.words == "front.png: good"


def test_some_frames_of_a_film_are_looked_at(tmp_path):
    with VideoWriter(tmp_path / "me.mp4", 10) as writer:
        for yaw in range(-12, 13, 2):
            writer.write(shot(yaw, 128))
    seen = list(look([tmp_path / "me.mp4"], image_size=64))
    assert len(seen) == OF_A_FILM
    assert [picture.words for picture in seen][::5] == [
        "me.mp4, frame 1: good",
        "me.mp4, frame 13: good",
    ]
    assert not np.array_equal(seen[0].picture, seen[-1].picture)
