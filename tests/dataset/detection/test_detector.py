"""What all detectors share: the size of frames, and the face that is followed."""

import numpy as np
import pytest

from dataset.detection.detector import LARGEST_SIDE, choose_face, detect_small
from dataset.detection.stored import StoredLandmarks
from tests.dataset.conftest import face_points


def test_large_frames_are_shrunk_for_detection_and_the_points_scaled_back():
    seen, told = [], []

    def find(frames, places, near):
        seen.extend(frame.shape for frame in frames)
        told.extend(near)
        return np.stack([face_points(100, 50, 40)] * len(frames))

    frames = [np.zeros(shape, np.uint8) for shape in ((1280, 2 * LARGEST_SIDE, 3), (100, 90, 3))]
    large = (face_points(100, 50, 40) + 0.5) * 2 - 0.5
    landmarks = detect_small(find, frames, [("clip.mp4", 0)] * 2, [large, None])
    assert seen == [(640, LARGEST_SIDE, 3), (100, 90, 3)]
    assert landmarks.dtype == np.float32
    assert np.allclose(landmarks[0], large, atol=1e-3)
    assert np.array_equal(landmarks[1], face_points(100, 50, 40))
    assert np.allclose(told[0], face_points(100, 50, 40), atol=1e-3)
    assert told[1] is None


def test_no_frames_give_no_landmarks():
    assert detect_small(lambda *_: [], [], [], []).shape == (0, 68, 2)
    assert StoredLandmarks().detect([], [], []).shape == (0, 68, 2)


def test_the_face_that_overlaps_most_is_followed():
    faces = [face_points(20, 20, 10), face_points(100, 100, 60), face_points(28, 20, 10)]
    assert np.array_equal(choose_face(faces, None), faces[1])
    assert np.array_equal(choose_face(faces, face_points(27, 20, 10)), faces[2])
    assert np.isnan(choose_face([], None)).all()


@pytest.mark.parametrize(
    ("which", "taken"), [("largest", 1), ("left", 2), ("right", 0), (1, 2), (2, 1), (3, 0)]
)
def test_the_first_face_is_the_one_that_is_asked_for(which, taken):
    faces = [face_points(160, 20, 10), face_points(100, 100, 60), face_points(28, 20, 10)]
    assert np.array_equal(choose_face(faces, None, which), faces[taken])
    assert np.array_equal(choose_face(faces, faces[0] + 2, which), faces[0]), "then it is followed"
    assert np.isnan(choose_face(faces, None, 4)).all()
