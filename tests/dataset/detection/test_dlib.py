"""dlib's own detectors and predictor find drawn heads, whose landmarks are known."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from dataset.detection.detector import overlap
from dataset.detection.dlib import NETWORK, PREDICTOR, DlibDetector, square_around
from dataset.detection.kinds import create_detector, prepare_detector
from dataset.images import resize
from drawn_heads.render import render
from drawn_heads.set import draw_video
from metric.geometry import landmark_error
from metric.motion import landmark_jitter

FRAMES = 12
SIZE = 160
PLACE = (Path("clip.mp4"), 0)
WITHOUT_JAW = slice(17, 68)


@pytest.fixture(scope="module")
def detector() -> DlibDetector:
    return create_detector("dlib")


@pytest.fixture(scope="module")
def clips() -> list[tuple[list[np.ndarray], np.ndarray]]:
    """Frames and their landmarks of three drawn people, who hardly turn: dlib knows no profiles."""
    return [drawn_clip(person) for person in range(3)]


def drawn_clip(person: int) -> tuple[list[np.ndarray], np.ndarray]:
    who, scene, motion = draw_video(0, person, 0, FRAMES)
    facing = dataclasses.replace(motion, yaw=motion.yaw * 25 / np.abs(motion.yaw).max())
    frames, landmarks = zip(
        *(render(who, scene, facing[index], SIZE) for index in range(FRAMES)), strict=True
    )
    return list(frames), np.stack(landmarks)


@pytest.fixture(scope="module")
def pair(clips) -> np.ndarray:
    """A picture of two people beside each other."""
    return np.concatenate([clips[0][0][0], clips[1][0][0]], axis=1)


def find(detector, frame, near=None):
    return detector.detect([frame], [PLACE], [near])[0]


def follow(detector, frames):
    found = []
    for frame in frames:
        found.append(find(detector, frame, found[-1] if found else None))
    return np.stack(found)


def error(found, wanted):
    """Mean distance of the points, but the oval's, as a share of the outer eye distance."""
    inner = landmark_error(*(torch.from_numpy(points) for points in (found, wanted)))
    distances = np.linalg.norm(found - wanted, axis=-1)
    eyes = distances.mean(-1) / inner.numpy()
    return distances[:, WITHOUT_JAW].mean(-1) / eyes


def test_faces_are_found_near_their_true_landmarks(detector, clips):
    for frames, landmarks in clips:
        found = detector.detect(frames, [PLACE] * FRAMES, [None] * FRAMES)
        assert found.shape == (FRAMES, 68, 2)
        assert found.dtype == np.float32
        errors = error(found, landmarks)
        assert np.isfinite(errors).mean() > 0.9
        assert np.nanmedian(errors) < 0.07


def test_a_face_is_followed_as_it_is_found_and_steadier_than_by_one_prediction(detector, clips):
    steadier = 0
    for frames, landmarks in clips:
        followed = follow(detector, frames)
        assert np.nanmedian(error(followed, landmarks)) < 0.07
        single = []
        for frame in frames:
            grey = frame.mean(2).astype(np.uint8)
            squares = next(filter(None, detector._look_everywhere(frame, grey)))
            single.append(detector._predict(grey, squares[0]))
        jitter = [
            landmark_jitter(*map(torch.from_numpy, (points, landmarks)))
            for points in (followed, np.stack(single))
        ]
        steadier += jitter[0] < jitter[1]
    assert steadier == len(clips)


def test_a_face_that_is_followed_is_not_looked_for_in_the_whole_picture(detector, clips, patched):
    frames, landmarks = clips[0]
    patched("_look_everywhere", lambda *_: iter(()))
    assert np.isfinite(find(detector, frames[0], landmarks[0])).all()


def test_what_is_found_depends_on_the_frame_and_the_face_before_alone(detector, clips):
    (frames, landmarks), (others, _) = clips[:2]
    first = find(detector, frames[1], landmarks[0])
    find(detector, others[0])
    assert np.array_equal(find(detector, frames[1], landmarks[0]), first)


def test_where_there_is_no_face_none_is_found_or_followed(detector, clips):
    noise = np.random.default_rng(0).integers(0, 256, (50, 60, 3)).astype(np.uint8)
    tiny = np.full((3, 5, 3), 9, np.uint8)
    for frame, near in ((noise, None), (noise, clips[0][1][0] / 3), (tiny, clips[0][1][0])):
        assert np.isnan(find(detector, frame, near)).all()


def test_a_face_that_has_gone_elsewhere_is_found_there(detector, clips):
    frames, landmarks = clips[0]
    picture = np.concatenate([np.zeros_like(frames[0]), frames[0]], axis=1)
    found = find(detector, picture, landmarks[0])
    assert overlap(found, landmarks[0] + [SIZE, 0]) > 0.5


@pytest.mark.parametrize("side", [0, 1])
def test_of_two_faces_the_one_before_is_followed(detector, clips, pair, side):
    near = clips[side][1][0] + [side * SIZE, 0]
    assert overlap(find(detector, pair, near), near) > 0.5


@pytest.mark.parametrize(("which", "side"), [("left", 0), ("right", 1), (1, 0), (2, 1)])
def test_of_two_faces_the_one_that_is_asked_for_is_taken(clips, pair, which, side):
    found = find(create_detector("dlib", face=which), pair)
    assert overlap(found, clips[side][1][0] + [side * SIZE, 0]) > 0.5


@pytest.mark.parametrize(("which", "small"), [("left", True), (1, True), (2, False)])
def test_of_a_small_and_a_large_face_the_one_that_is_asked_for_is_taken(clips, which, small):
    picture = np.full((900, 1600, 3), 127, np.uint8)
    picture[500 : 500 + SIZE, 100 : 100 + SIZE] = clips[0][0][0]
    picture[100:740, 800:1440] = resize(clips[1][0][0], 640)
    near = clips[0][1][0] + [100, 500] if small else 4 * clips[1][1][0] + [800, 100]
    assert overlap(find(create_detector("dlib", face=which), picture), near) > 0.5


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (1, 500), (1, 40000), (3000, 3), (15, 15)])
def test_in_the_smallest_and_the_thinnest_pictures_there_is_no_face(detector, shape):
    assert np.isnan(find(detector, np.full((*shape, 3), 99, np.uint8))).all()


def test_a_face_that_has_moved_far_is_not_drawn_towards_where_it_was(detector, clips):
    frames, landmarks = clips[0]
    before = landmarks[0] + 0.6 * np.ptp(landmarks[0], axis=0)
    assert error(find(detector, frames[0], before)[None], landmarks[:1]) < 0.07


@pytest.mark.parametrize("followed", [False, True])
def test_what_the_frontal_detector_misses_the_network_finds(detector, clips, patched, followed):
    frames, landmarks = clips[0]
    patched("_see_frontal", lambda *_: [])
    if followed:
        patched("_look_everywhere", lambda *_: iter(()))
    found = find(detector, frames[0], landmarks[0] if followed else None)
    assert overlap(found, landmarks[0]) > 0.5


def test_small_faces_in_large_pictures_are_found(detector, clips):
    frames, landmarks = clips[0]
    picture = np.full((900, 1600, 3), 127, np.uint8)
    picture[500 : 500 + SIZE, 1200 : 1200 + SIZE] = frames[0]
    assert overlap(find(detector, picture), landmarks[0] + [1200, 500]) > 0.5


def test_a_face_stands_in_the_square_that_starts_its_prediction(detector, clips):
    frames, landmarks = clips[0]
    grey = frames[0].mean(2).astype(np.uint8)
    (seen,) = next(filter(None, detector._look_everywhere(frames[0], grey)))
    assert np.allclose(square_around(landmarks[0]), seen, atol=0.3 * seen.side)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "dlib", None)
    for make in (create_detector, prepare_detector):
        with pytest.raises(ValueError, match=r"^--detector dlib: .*pip install dlib-bin.*$"):
            make("dlib")


@pytest.mark.parametrize("name", [PREDICTOR, NETWORK])
def test_a_missing_model_is_named_before_any_work(monkeypatch, tmp_path, name):
    monkeypatch.setattr("pretrained.dlib_files.PACKAGE", "no-such-package")
    for make in (create_detector, prepare_detector):
        with pytest.raises(ValueError, match=r"^--detector dlib: .*pip install no-such-package$"):
            make("dlib")


def test_a_damaged_model_is_one_clear_line(monkeypatch, tmp_path):
    (tmp_path / PREDICTOR).write_bytes(b"no model")
    monkeypatch.setattr("dataset.detection.dlib.model_file", tmp_path.joinpath)
    with pytest.raises(
        ValueError, match=rf"^{tmp_path / PREDICTOR} is not dlib's {PREDICTOR}: .*$"
    ):
        create_detector("dlib")


def test_it_does_without_pytorch():
    code = (
        "import sys; from dataset.detection.kinds import create_detector\n"
        "assert create_detector('dlib').name == 'dlib'; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture
def patched(detector, monkeypatch):
    """Put something in place of a method of the detector."""
    return lambda name, value: monkeypatch.setattr(detector, name, value, raising=True)
