"""The detectors' common part, and landmarks from files."""

import subprocess
import sys

import numpy as np
import pytest

from dataset.detectors import (
    LARGEST_SIDE,
    LandmarksError,
    StoredLandmarks,
    choose_face,
    create_detector,
    detect_small,
)
from tests.dataset.conftest import face_points, write_clip, write_photo


def stored(path, *indices):
    """Detect in some frames of one file."""
    count = len(indices)
    return StoredLandmarks().detect([None] * count, [(path, i) for i in indices], [None] * count)


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


def test_an_unknown_detector_is_refused():
    with pytest.raises(ValueError, match=r"--detector must be one of face-alignment, stored.*dlib"):
        create_detector("dlib", "cpu")


def test_detectors_are_known_by_name_and_without_pytorch():
    code = (
        "import sys, dataset.detector_process; from dataset.detectors import create_detector;"
        "assert create_detector('stored').name == 'stored'; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_stored_landmarks_are_those_of_the_frames_asked_for(tmp_path):
    landmarks = write_clip(tmp_path / "clip.mp4", frames=8, missing=[5])
    write_photo(tmp_path / "photo.png")
    detector = create_detector("stored", "cpu")
    clip, photo = tmp_path / "clip.mp4", tmp_path / "photo.png"
    places = [(clip, 3), (clip, 0), (photo, 0), (clip, 5)]
    found = detector.detect([None] * 4, places, [None] * 4)
    assert found.shape == (4, 68, 2)
    assert found.dtype == np.float32
    assert np.array_equal(found[[0, 1, 3]], landmarks[[3, 0, 5]], equal_nan=True)
    assert np.array_equal(found[2], np.load(tmp_path / "photo.landmarks.npy")[0])


def test_changing_what_was_found_does_not_change_what_is_stored(tmp_path):
    landmarks = write_clip(tmp_path / "clip.mp4", frames=4)
    detector = StoredLandmarks()
    places = [(tmp_path / "clip.mp4", 0)]
    detector.detect([None], places, [None])[:] = 0
    assert np.array_equal(detector.detect([None], places, [None])[0], landmarks[0])


def test_a_frame_beyond_the_stored_landmarks_is_refused(tmp_path):
    write_clip(tmp_path / "clip.mp4", frames=4)
    with pytest.raises(LandmarksError, match="it ends at 4, before frame 4"):
        stored(tmp_path / "clip.mp4", 3, 4)


def test_landmarks_as_long_as_the_frames_that_decode_are_accepted(tmp_path):
    path = tmp_path / "clip.avi"
    write_clip(path, frames=40)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    from dataset.video.reading import count_frames

    file = path.with_suffix(".landmarks.npy")
    np.save(file, np.load(file)[: count_frames(path)])
    assert np.isfinite(stored(path, 0)).all()


@pytest.mark.parametrize(
    ("landmarks", "message"),
    [
        (np.zeros((7, 68, 2), np.float32), "has 8 frames, got 7"),
        (np.zeros((9, 68, 2), np.float32), "has 8 frames, got 9"),
        (np.zeros((8, 68, 3), np.float32), r"must be \(frames, 68, 2\), got \(8, 68, 3\)"),
        (np.zeros((8, 68, 2)), "must be float32, got float64"),
        (np.array([print], dtype=object), "must be a NumPy array file"),
        (None, "is missing: --detector stored needs it"),
        (b"text", "must be a NumPy array file"),
        (b"", "must be a NumPy array file"),
    ],
)
def test_wrong_stored_landmarks_are_refused_with_file_rule_and_value(tmp_path, landmarks, message):
    write_clip(tmp_path / "clip.mp4", frames=8)
    file = tmp_path / "clip.landmarks.npy"
    if landmarks is None:
        file.unlink()
    elif isinstance(landmarks, bytes):
        file.write_bytes(landmarks)
    else:
        np.save(file, landmarks, allow_pickle=True)
    with pytest.raises(LandmarksError, match=message) as error:
        stored(tmp_path / "clip.mp4", 0)
    assert "clip.landmarks.npy" in str(error.value)
