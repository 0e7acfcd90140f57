"""face-alignment's own code runs here, with random weights under the names of the real ones."""

import urllib.error

import numpy as np
import pytest
import torch

from dataset.detectors import (
    LARGEST_SIDE,
    WEIGHTS,
    FaceAlignmentDetector,
    LandmarksError,
    StoredLandmarks,
    choose_face,
    create_detector,
    fetch_weights,
    prepare_detector,
)
from tests.dataset.conftest import face_points, moving_scene, write_clip, write_photo


@pytest.fixture(scope="module")
def torch_home(tmp_path_factory):
    """A torch hub folder with random weights; S3FD's are such that it sees one face."""
    from face_alignment.api import FAN
    from face_alignment.detection.sfd.net_s3fd import s3fd

    torch.manual_seed(0)
    finder, aligner = s3fd(), FAN(4)
    with torch.no_grad():
        for name, layer in finder.named_children():
            if name.endswith("mbox_conf"):
                layer.weight.zero_()
                layer.bias.fill_(9.0)
                layer.bias[-1] = -9.0  # the last output speaks for a face
            if name.endswith("mbox_loc"):
                layer.weight.zero_()
                layer.bias.zero_()
    set_faces(finder, seen=True)
    home = tmp_path_factory.mktemp("torch")
    folder = home / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save(finder.state_dict(), folder / "s3fd-619a316812.pth")
    torch.save(aligner.state_dict(), folder / "2DFAN4-11f355bf06.pth.tar")
    return home


def set_faces(finder, seen):
    """Let the coarsest of S3FD's six maps, one cell on a small picture, say face or not."""
    with torch.no_grad():
        finder.conv7_2_mbox_conf.bias.copy_(torch.tensor([-9.0, 9.0] if seen else [9.0, -9.0]))


@pytest.fixture(scope="module")
def detector(torch_home):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_HOME", str(torch_home))
        yield create_detector("face-alignment", "cpu")


@pytest.fixture
def blind(detector):
    """The same detector, whose networks see no face."""
    finder = detector.networks.face_detector.face_detector
    set_faces(finder, seen=False)
    yield detector
    set_faces(finder, seen=True)


@pytest.fixture
def frame():
    return moving_scene(1, 64, 64)[0][0]


def test_the_names_of_the_weights_are_those_that_the_package_loads():
    from face_alignment.api import models_urls as aligners
    from face_alignment.detection.sfd.sfd_detector import models_urls as finders

    assert set(WEIGHTS.values()) == {aligners["2DFAN-4"], finders["s3fd"]}
    assert all(address.endswith(f"/{name}") for name, address in WEIGHTS.items())


def test_the_real_networks_find_a_face_and_its_68_points(detector, frame):
    landmarks = detector.detect(frame, "clip.mp4", 0)
    assert landmarks.shape == (68, 2)
    assert landmarks.dtype == np.float32
    assert np.isfinite(landmarks).all()
    assert len(np.unique(landmarks, axis=0)) > 10


def test_neither_compiled_nor_mirrored(detector):
    assert detector.networks.flip_input is False
    assert type(detector.networks.face_alignment_net).__name__ == "FAN"


def test_no_face_gives_nan_and_no_warning(blind, frame, recwarn):
    landmarks = blind.detect(frame, "clip.mp4", 0)
    assert landmarks.shape == (68, 2)
    assert landmarks.dtype == np.float32
    assert np.isnan(landmarks).all()
    assert not recwarn.list


def test_of_two_faces_the_larger_one_or_the_one_that_is_followed(detector, frame, monkeypatch):
    # The boxes are made up, the points in them are found by the real alignment network.
    small, large = np.array([2.0, 2, 22, 22, 0.9]), np.array([24.0, 24, 62, 62, 0.8])
    monkeypatch.setattr(
        detector.networks.face_detector, "detect_from_image", lambda _: [small, large]
    )
    first, second = detector.networks.get_landmarks_from_image(frame)
    sizes = [np.prod(np.ptp(face, axis=0)) for face in (first, second)]
    assert sizes[1] > sizes[0]
    assert np.array_equal(detector.detect(frame, "clip.mp4", 0), second)
    assert np.array_equal(detector.detect(frame, "clip.mp4", 1, near=first + 1), first)
    assert np.array_equal(detector.detect(frame, "clip.mp4", 1, near=first + 500), second)


def test_p21_autograd_and_cudnn_are_left_as_they_were(detector, frame, monkeypatch):
    detector.detect(frame, "clip.mp4", 0)
    assert torch.is_grad_enabled()
    before = torch.backends.cudnn.benchmark

    def careless(_):
        torch.set_grad_enabled(False)
        torch.backends.cudnn.benchmark = not before

    monkeypatch.setattr(detector.networks, "get_landmarks_from_image", careless)
    detector.detect(frame, "clip.mp4", 0)
    assert torch.is_grad_enabled()
    assert torch.backends.cudnn.benchmark == before


def test_large_frames_are_shrunk_for_detection_and_the_points_scaled_back(detector, monkeypatch):
    seen = []

    def find(frame):
        seen.append(frame.shape)
        return [face_points(100, 50, 40)]

    monkeypatch.setattr(detector.networks, "get_landmarks_from_image", find)
    landmarks = detector.detect(np.zeros((1280, 2 * LARGEST_SIDE, 3), np.uint8), "clip.mp4", 0)
    assert seen == [(640, LARGEST_SIDE, 3)]
    assert np.allclose(landmarks, (face_points(100, 50, 40) + 0.5) * 2 - 0.5, atol=1e-3)


def test_frames_too_small_for_the_networks_have_no_face(detector):
    assert np.isnan(detector.detect(np.zeros((1, 1, 3), np.uint8), "clip.mp4", 0)).all()


def test_the_face_that_overlaps_most_is_followed():
    faces = [face_points(20, 20, 10), face_points(100, 100, 60), face_points(28, 20, 10)]
    assert np.array_equal(choose_face(faces, None), faces[1])
    assert np.array_equal(choose_face(faces, face_points(27, 20, 10)), faces[2])
    assert np.isnan(choose_face([], None)).all()


def test_missing_weights_end_in_one_line_with_names_addresses_and_folder(tmp_path, monkeypatch):
    def offline(address, *_, **__):
        raise urllib.error.URLError("Network is unreachable")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    for call in (fetch_weights, lambda: prepare_detector("face-alignment"), FaceAlignmentDetector):
        with pytest.raises(ValueError, match="--detector face-alignment needs") as error:
            call()
        message = str(error.value)
        assert str(tmp_path / "hub" / "checkpoints") in message
        assert all(name in message and address in message for name, address in WEIGHTS.items())
        assert "\n" not in message


def test_weights_are_fetched_to_the_place_where_they_are_loaded(tmp_path, monkeypatch):
    fetched = {}
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(
        torch.hub, "download_url_to_file", lambda url, to, **_: fetched.update({to: url})
    )
    fetch_weights()
    folder = tmp_path / "hub" / "checkpoints"
    assert fetched == {str(folder / name): address for name, address in WEIGHTS.items()}


def test_damaged_weights_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    for name in WEIGHTS:
        (folder / name).write_bytes(b"cut in half")
    with pytest.raises(
        ValueError, match=r"does not start with .*2DFAN4.* in .*checkpoints"
    ) as error:
        create_detector("face-alignment", "cpu")
    assert "\n" not in str(error.value)


def test_an_unknown_detector_is_refused():
    with pytest.raises(ValueError, match=r"--detector must be one of face-alignment, stored.*dlib"):
        create_detector("dlib", "cpu")


def test_stored_landmarks_are_those_of_the_frame_asked_for(tmp_path):
    landmarks = write_clip(tmp_path / "clip.mp4", frames=8, missing=[5])
    write_photo(tmp_path / "photo.png")
    detector = create_detector("stored", "cpu")
    for index in (3, 0, 5):
        found = detector.detect(None, tmp_path / "clip.mp4", index)
        assert np.array_equal(found, landmarks[index], equal_nan=True)
    assert detector.detect(None, tmp_path / "photo.png", 0).shape == (68, 2)
    assert np.array_equal(detector.detect(None, tmp_path / "clip.mp4", 1), landmarks[1])


def test_changing_what_was_found_does_not_change_what_is_stored(tmp_path):
    landmarks = write_clip(tmp_path / "clip.mp4", frames=4)
    detector = StoredLandmarks()
    detector.detect(None, tmp_path / "clip.mp4", 0)[:] = 0
    assert np.array_equal(detector.detect(None, tmp_path / "clip.mp4", 0), landmarks[0])


def test_landmarks_as_long_as_the_frames_that_decode_are_accepted(tmp_path):
    path = tmp_path / "clip.avi"
    write_clip(path, frames=40)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    from dataset.video import count_frames

    stored = path.with_suffix(".landmarks.npy")
    np.save(stored, np.load(stored)[: count_frames(path)])
    assert np.isfinite(StoredLandmarks().detect(None, path, 0)).all()


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
    stored = tmp_path / "clip.landmarks.npy"
    if landmarks is None:
        stored.unlink()
    elif isinstance(landmarks, bytes):
        stored.write_bytes(landmarks)
    else:
        np.save(stored, landmarks, allow_pickle=True)
    with pytest.raises(LandmarksError, match=message) as error:
        StoredLandmarks().detect(None, tmp_path / "clip.mp4", 0)
    assert "clip.landmarks.npy" in str(error.value)
