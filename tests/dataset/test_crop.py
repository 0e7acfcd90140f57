"""Frames and landmarks are cut together, to the pixel (Sec. 4.2 of the reference specification)."""

import cv2
import numpy as np
import pytest

from dataset.crop import Box, clip_box, crop, face_box, resolve_crop, whole_box
from tests.dataset.conftest import face_points, moving_scene


def eyes_and_mouth(right, left, corner_right, corner_left):
    """Return landmarks of which only what the box depends on is set."""
    points = np.zeros((68, 2), np.float32)
    points[36:42], points[42:48] = right, left
    points[48], points[54] = corner_right, corner_left
    return points


def test_the_box_of_an_upright_face_has_the_size_worked_out_by_hand():
    # Eyes 40 apart at y = 100, mouth 50 below them: |xv| = max(2.0 * 40, 1.8 * 50) = 90.
    points = eyes_and_mouth((80, 100), (120, 100), (90, 150), (110, 150))
    # Centre (100, 105), qsize 180, border 18, so the square is 2 * (90 + 18) = 216 wide:
    # columns from 100 - 108 = -8, rows from 105 - 108 = -3; of it 10 to 90 % and 20 to 100 %.
    left, top, size = face_box(points)
    assert (left, top, size) == pytest.approx((-8 + 21.6 + 0.5, -3 + 43.2 + 0.5, 172.8), abs=1e-4)


def test_the_box_of_a_face_on_its_side_encloses_the_turned_square():
    # The same face, turned by 45 degrees about the point between the eyes.
    turn = np.array([[1, -1], [1, 1]]) / np.sqrt(2)
    points = eyes_and_mouth((-20, 0), (20, 0), (-10, 50), (10, 50)) @ turn.T + [300, 300]
    half = 90 * np.sqrt(2) + 18
    assert face_box(points).size == pytest.approx(0.8 * 2 * half, abs=1e-3)


def test_the_box_of_a_face_seen_from_the_side_leans_with_its_mouth():
    # The mouth 20 aside: xv points along (40, 0) + (50, -20), with length 1.8 * |(20, 50)|.
    points = eyes_and_mouth((80, 100), (120, 100), (110, 150), (130, 150))
    length = 1.8 * np.hypot(20, 50)
    half = length * (90 + 20) / np.hypot(90, 20) + round(0.2 * length)
    assert face_box(points).size == pytest.approx(0.8 * 2 * half, abs=1e-3)


@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_the_box_follows_a_face_that_moves_and_grows(scale):
    near, far = face_points(200, 200, 100), face_points(200, 200, 100) * scale
    assert face_box(far).size == pytest.approx(face_box(near).size * scale, rel=0.01)
    moved = face_box(near + [30, -20])
    assert moved.left - face_box(near).left == pytest.approx(30, abs=1e-3)
    assert moved.top - face_box(near).top == pytest.approx(-20, abs=1e-3)


@pytest.mark.parametrize("points", [np.full((68, 2), np.nan), np.zeros((68, 2)), np.ones((5, 2))])
def test_landmarks_that_have_no_box_are_refused(points):
    with pytest.raises(ValueError, match="face box"):
        face_box(points)


def test_one_box_per_clip_keeps_the_heads_motion():
    _, landmarks = moving_scene(30)
    box = clip_box(landmarks)
    centres = [crop(np.zeros((80, 96, 3), np.uint8), p, box, 64)[1].mean(0) for p in landmarks]
    assert np.ptp(centres, axis=0).min() > 3


def test_a_clips_box_ignores_missing_faces_and_outliers():
    faces = np.stack([face_points(50, 50, 30)] * 9)
    wanted = face_box(faces[0])
    faces[0] = np.nan
    faces[2:7] = 0
    faces[1] += 1000
    assert clip_box(faces) == pytest.approx(wanted)


def test_a_clip_without_a_face_is_refused():
    with pytest.raises(ValueError, match="none of 3"):
        clip_box(np.full((3, 68, 2), np.nan))


@pytest.mark.parametrize(("height", "width", "box"), [(60, 100, (20, 0, 60)), (9, 4, (0, 2, 4))])
def test_the_whole_box_is_the_largest_square_in_the_middle(height, width, box):
    assert whole_box(height, width) == box


def test_cropping_a_picture_of_that_size_changes_nothing():
    frame = moving_scene(1, 64, 64)[0][0]
    points = face_points(30, 30, 20)
    square, moved = crop(frame, points, whole_box(64, 64), 64)
    assert np.array_equal(square, frame)
    assert np.array_equal(moved, points)


@pytest.mark.parametrize("size", [32, 48, 96, 256])
@pytest.mark.parametrize("box", [Box(12, 20, 48), Box(12.4, 19.7, 48.3)])
def test_landmarks_stay_on_what_they_mark_at_any_scale(size, box):
    # A dot on a pixel of the frame: after the crop its centre of mass is where its landmark is.
    frame = np.zeros((80, 96, 3), np.uint8)
    dots = np.array([[30, 40], [41, 33], [22, 60]])
    for dot in dots:
        frame[dot[1], dot[0]] = 255
        square, _ = crop(frame, dots, box, size)
        frame[:] = 0
        weight = square[..., 0].astype(float)
        rows, columns = np.mgrid[:size, :size]
        centre = np.array([(columns * weight).sum(), (rows * weight).sum()]) / weight.sum()
        _, moved = crop(frame, dot[None].astype(float), box, size)
        assert centre == pytest.approx(moved[0], abs=0.3 if size > 48 else 0.51)


def test_p18_a_marked_corner_stays_in_its_corner():
    frame = np.zeros((60, 100, 3), np.uint8)
    frame[:10, 70:80] = (255, 0, 0)  # top right of the middle square
    square, _ = crop(frame, np.zeros((1, 2)), whole_box(60, 100), 30)
    assert square[1, -2].tolist() == [255, 0, 0]
    assert square[-2, 1].tolist() == square[1, 1].tolist() == [0, 0, 0]


def test_inside_the_picture_nothing_is_changed_by_what_lies_outside():
    frame = moving_scene(1, 64, 64)[0][0]
    square, moved = crop(frame, np.array([[0.0, 0.0]]), Box(-20, -10, 100), 100)
    assert np.array_equal(square[10:74, 20:84], frame)
    assert moved.tolist() == [[20, 10]]


def test_outside_the_picture_its_reflection_fades_to_the_median_colour():
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    frame[:40] = (10, 200, 90)
    square, _ = crop(frame, np.zeros((1, 2)), Box(-40, 0, 64), 64)
    median = np.median(frame, axis=(0, 1))
    assert np.abs(square[:, 0] - median).max() < 8
    # Noise is blurred away, and the colour near the edge is that of the edge.
    noise = np.abs(np.diff(frame[44:].astype(int), axis=0)).mean()
    smooth = np.abs(np.diff(square[44:, :26].astype(int), axis=0)).mean()
    assert smooth < 0.2 * noise
    assert np.abs(square[20, 39].astype(int) - (10, 200, 90)).max() < 12


def test_a_box_may_reach_far_beyond_a_small_picture():
    square, _ = crop(np.full((20, 20, 3), 90, np.uint8), np.zeros((1, 2)), Box(-60, -50, 140), 64)
    assert np.unique(square).tolist() == [90]


@pytest.mark.parametrize("box", [Box(500, 0, 50), Box(0, -60, 50), Box(-1e5, -1e5, 3e5)])
def test_a_box_that_is_elsewhere_or_enormous_is_refused(box):
    with pytest.raises(ValueError, match="does not fit a picture of 96 x 80"):
        crop(np.zeros((80, 96, 3), np.uint8), np.zeros((68, 2)), box, 64)


def test_shrinking_averages_and_growing_does_not_blur_blocks():
    frame = moving_scene(1, 96, 96)[0][0]
    square, _ = crop(frame, np.zeros((1, 2)), whole_box(96, 96), 48)
    assert np.array_equal(square, cv2.resize(frame, (48, 48), interpolation=cv2.INTER_AREA))
    square, _ = crop(frame, np.zeros((1, 2)), whole_box(96, 96), 192)
    assert np.array_equal(square, cv2.resize(frame, (192, 192), interpolation=cv2.INTER_CUBIC))


@pytest.mark.parametrize(
    ("mode", "kind", "resolved"),
    [
        ("auto", "voxceleb", "whole"),
        ("auto", "video", "face"),
        ("auto", "photos", "face"),
        ("face", "voxceleb", "face"),
        ("whole", "photos", "whole"),
    ],
)
def test_auto_is_whole_for_voxceleb_and_face_for_all_else(mode, kind, resolved):
    assert resolve_crop(mode, kind) == resolved


def test_an_unknown_crop_is_refused():
    with pytest.raises(ValueError, match="--crop must be auto, whole or face, got 'tight'"):
        resolve_crop("tight", "video")
