"""Each gate refuses what it is named after, and lets the rest through."""

import itertools

import cv2
import numpy as np
import pytest

from config import Gates as Defaults
from dataset.preparation.quality import (
    OPEN,
    Gates,
    change,
    colours,
    extent,
    likeness,
    motion,
    outside_share,
    refuse_face,
    sharpness,
    thumbnail,
)
from drawn_heads.render import render
from drawn_heads.set import draw_video
from tests.dataset.conftest import face_points, moving_scene

GATES = Gates(**vars(Defaults()))
SIZE = 128


@pytest.fixture(scope="module")
def head():
    """A drawn head that fills its frame as a face crop does, and its landmarks."""
    person, scene, poses = draw_video(0, 3, 0, 1)
    return render(person, scene, poses[0], SIZE)


def refusal(frame, landmarks, gates=GATES, image_size=SIZE):
    return refuse_face(landmarks, frame, image_size, gates)


def test_a_good_face_passes(head):
    assert refusal(*head) == ""


def test_no_face_is_told_from_broken_landmarks(head):
    frame, landmarks = head
    assert refusal(frame, np.full((68, 2), np.nan, np.float32)) == "no face"
    broken = landmarks.copy()
    broken[5, 0] = np.inf
    assert refusal(frame, broken) == "absurd landmarks"
    broken[5, 0] = np.nan
    assert refusal(frame, broken) == "absurd landmarks"


@pytest.mark.parametrize(
    "absurd",
    [
        lambda points: points + 500,
        lambda points: points * 100,
        lambda points: points * 0 + 60,
        lambda points: (points - 64) * 1e-3 + 64,
        lambda points: np.where(np.arange(68)[:, None] < 36, points, [[64.0, 64.0]]),
    ],
)
def test_landmarks_that_no_face_can_have_are_absurd_whatever_the_gates(head, absurd):
    frame, landmarks = head
    assert refusal(frame, absurd(landmarks).astype(np.float32), gates=OPEN) == "absurd landmarks"


def test_a_face_too_small_for_the_stored_size(head):
    frame, landmarks = head
    assert 0.3 < extent(landmarks) / SIZE < 0.8
    assert refusal(frame, landmarks, image_size=256) == ""
    assert refusal(frame, landmarks, image_size=1024) == "face too small"
    assert refusal(frame, landmarks, image_size=1024, gates=OPEN) == ""


def test_a_face_that_reaches_out_of_the_picture(head):
    frame, landmarks = head
    assert outside_share(landmarks, SIZE, SIZE) == 0
    cut = round(float(np.sort(landmarks[:, 0])[20]))  # 20 points lie to the left of this column
    moved = landmarks - np.float32([cut, 0])
    assert outside_share(moved, SIZE, SIZE - cut) == pytest.approx(20 / 68, abs=2 / 68)
    assert refusal(frame[:, cut:], moved) == "face partly outside"
    assert refusal(frame[:, cut:], moved, gates=OPEN) == ""


def test_a_blurred_face(head):
    frame, landmarks = head
    sharp = [sharpness(cv2.GaussianBlur(frame, (0, 0), s), landmarks, SIZE) for s in (0.5, 1, 2, 4)]
    assert sharp == sorted(sharp, reverse=True)
    assert refusal(cv2.GaussianBlur(frame, (0, 0), 4), landmarks) == "blurred"


def test_poor_light_is_not_taken_for_blur(head):
    frame, landmarks = head
    dark = (frame // 4 + 20).astype(np.uint8)
    ratio = sharpness(dark, landmarks, SIZE) / sharpness(frame, landmarks, SIZE)
    assert 0.8 < ratio < 1.25


def test_a_face_enlarged_to_the_stored_size_counts_as_blurred(head):
    frame, landmarks = head
    small = cv2.resize(frame, (32, 32), interpolation=cv2.INTER_AREA)
    assert sharpness(small, (landmarks + 0.5) / 4 - 0.5, SIZE) < 0.5 * sharpness(
        frame, landmarks, SIZE
    )


def test_a_blink_changes_a_frame_and_noise_of_compression_does_not():
    person, scene, poses = draw_video(0, 3, 0, 1)
    open_eyes, _ = render(person, scene, poses[0]._replace(blink=0.0), 256)
    closed, _ = render(person, scene, poses[0]._replace(blink=1.0), 256)
    assert change(thumbnail(open_eyes), thumbnail(closed)) > GATES.least_change
    _, data = cv2.imencode(".jpg", open_eyes, [cv2.IMWRITE_JPEG_QUALITY, 85])
    again = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert change(thumbnail(open_eyes), thumbnail(again)) < GATES.least_change


def test_motion_is_a_share_of_the_face_and_rests_at_zero():
    face = face_points(50, 50, 40)
    still = np.repeat(face[None], 5, 0)
    moving = still + np.array([-2, -1, 0, 1, 2], np.float32)[:, None, None]
    assert motion(still) < 1e-6
    assert motion(moving) == pytest.approx(2 / extent(face), rel=1e-4)  # standard deviation sqrt(2)
    assert motion(2 * moving) == pytest.approx(motion(moving), rel=1e-4)


def test_another_person_has_other_colours_and_the_same_one_in_another_pose_has_not():
    def faces(person):
        identity, scene, poses = draw_video(0, person, 0, 6, fps=2.0)
        for pose in poses:
            frame, landmarks = render(identity, scene, pose, SIZE)
            yield colours(frame, landmarks)

    people = [list(faces(person)) for person in range(6)]
    same = [likeness(a, b) for person in people for a, b in itertools.pairwise(person)]
    others = [likeness(people[i][0], people[j][0]) for i in range(6) for j in range(i)]
    assert min(same) > GATES.least_likeness
    assert np.mean(np.array(others) < GATES.least_likeness) > 0.8
    assert likeness(people[0][0], people[0][0]) == pytest.approx(1)


def test_the_scene_of_the_tests_passes_the_gates():
    frames, landmarks = moving_scene(4)
    assert [refusal(f, p, image_size=32) for f, p in zip(frames, landmarks, strict=True)] == [
        ""
    ] * 4
