"""Landmarks from files."""

import numpy as np
import pytest

from dataset.detection.detector import LandmarksError
from dataset.detection.kinds import create_detector
from dataset.detection.stored import StoredLandmarks
from tests.dataset.conftest import write_clip, write_photo


def stored(path, *indices):
    """Detect in some frames of one file."""
    count = len(indices)
    return StoredLandmarks().detect([None] * count, [(path, i) for i in indices], [None] * count)


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
