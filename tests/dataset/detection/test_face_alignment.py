"""face-alignment's own code runs here, with random weights under the names of the real ones."""

import urllib.error
from pathlib import Path

import face_alignment
import numpy as np
import pytest
import torch
from face_alignment.detection.sfd.bbox import nms

from dataset.detection import face_alignment as aligner
from dataset.detection.face_alignment import WEIGHTS, FaceAlignmentDetector, fetch_weights
from dataset.detection.kinds import create_detector, prepare_detector
from tests.dataset.conftest import face_points
from tests.dataset.faces import say_faces, shift_scores, shorten

# One of FAN's hourglasses, or none, is enough to see what is called with what. Where its output is
# compared with the package's, the last of several must be taken.
SEVERAL_OR_ALL = pytest.mark.parametrize(
    "hourglasses", [2, pytest.param(4, marks=pytest.mark.slow)]
)


@pytest.fixture(scope="module")
def detector(random_networks):
    detector = create_detector("face-alignment", "cpu", threads=1)
    shorten(detector)
    return detector


@pytest.fixture
def networks(detector):
    """The networks; what a test does to them is undone."""
    networks = detector.networks
    before = networks.face_detector.face_detector, networks.face_alignment_net
    yield networks
    networks.face_detector.face_detector, networks.face_alignment_net = before
    shorten(detector)
    detector.batch = 1


@pytest.fixture
def blind(networks):
    """The networks, which see no face."""
    shift_scores(networks.face_detector.face_detector, -50)
    yield networks
    shift_scores(networks.face_detector.face_detector, 50)


@pytest.fixture
def calls(networks):
    """Count the pictures in each call of each network."""
    calls = {"S3FD": [], "FAN": []}
    hooks = [
        network.register_forward_pre_hook(
            lambda _, args, name=name: calls[name].append(len(args[0]))
        )
        for name, network in (
            ("S3FD", networks.face_detector.face_detector),
            ("FAN", networks.face_alignment_net),
        )
    ]
    yield calls
    for hook in hooks:
        hook.remove()


def picture(height=64, width=64, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8) // 3


def detect(detector, frames, near=None):
    count = len(frames)
    return detector.detect(frames, [("clip.mp4", i) for i in range(count)], near or [None] * count)


def largest(faces):
    return max(faces, key=lambda face: np.prod(np.ptp(face, axis=0)))


def test_the_names_of_the_weights_are_those_that_the_package_loads():
    from face_alignment.api import models_urls as aligners
    from face_alignment.detection.sfd.sfd_detector import models_urls as finders

    assert set(WEIGHTS) == {aligners["2DFAN-4"], finders["s3fd"]}


@SEVERAL_OR_ALL
def test_landmarks_are_those_of_the_package_for_one_face_and_several_in_frames_of_any_size(
    detector, networks, hourglasses
):
    shorten(detector, hourglasses)
    middle = picture(80, 64) if hourglasses == 2 else picture(96, 72)  # of two faces, of three
    frames = [picture(seed=1), middle, picture(seed=2)]
    theirs = [networks.get_landmarks_from_image(frame) for frame in frames]
    assert [len(faces) > 1 for faces in theirs] == [False, True, False]
    with torch.inference_mode():
        ours = detector._align(frames, detector._find_boxes(frames))
    for our, their in zip(ours, theirs, strict=True):
        assert np.array_equal([face.landmarks for face in our], their)
    assert np.array_equal(detect(detector, frames[1:2])[0], largest(theirs[1]))


@pytest.mark.parametrize("seed", range(6))
def test_boxes_are_those_of_the_package_for_many_pictures(detector, networks, seed):
    frames = [picture(48 + 16 * (seed % 3), 64, seed), picture(96, 64, seed) * 3]
    with torch.inference_mode():
        ours = detector._find_boxes(frames)
    for our, frame in zip(ours, frames, strict=True):
        theirs = networks.face_detector.detect_from_image(frame)
        assert len(theirs)
        assert np.array_equal(our, theirs)


def test_a_batch_gives_each_picture_its_own_boxes(detector, networks, calls):
    frames = [picture(seed=seed) * (1 + 2 * (seed % 2)) for seed in range(4)]
    with torch.inference_mode():
        alone = detector._find_boxes(frames)
        calls["S3FD"].clear()
        detector.batch = 3
        together = detector._find_boxes(frames)
    assert calls["S3FD"] == [3, 1]
    assert len({len(boxes) for boxes in alone}) > 1
    for boxes, others in zip(alone, together, strict=True):
        assert np.allclose(boxes, others, rtol=1e-3, atol=1e-2)  # batches are rounded otherwise


def test_large_frames_go_through_the_network_a_few_at_a_time(
    detector, networks, calls, monkeypatch
):
    monkeypatch.setattr(aligner, "BATCH_PIXELS", 2 * 64 * 64)
    detector.batch = 8
    with torch.inference_mode():
        detector._find_boxes([picture() for _ in range(5)] + [picture(96, 96)])
    assert calls["S3FD"] == [2, 2, 1, 1]


def test_equal_scores_need_all_candidates_in_the_packages_order(detector):
    rng = np.random.default_rng(0)
    for _ in range(50):
        corner, size = rng.uniform(0, 100, (80, 2)), rng.uniform(5, 60, (80, 2))
        scores = np.where(rng.random(80) > 0.5, 1.0, rng.uniform(0.05, 1, 80))
        boxes = np.concatenate([corner, corner + size, scores[:, None]], 1)
        theirs = [box for box in boxes[nms(boxes, 0.3)] if box[4] > 0.5]
        assert np.array_equal(detector._best(boxes), theirs)


@SEVERAL_OR_ALL
def test_a_followed_face_is_what_the_package_finds_in_the_tight_box(
    detector, networks, calls, monkeypatch, hourglasses
):
    shorten(detector, hourglasses)
    monkeypatch.setattr(aligner, "TRACK_SCORE", -np.inf)  # FAN's weights are random
    monkeypatch.setattr(aligner, "TRACK_OVERLAP", -1)
    frames = [picture(), picture(96, 72)]
    near = [face_points(30.3, 31.7, 33.3), face_points(20.1, 70, 51)]
    found = detect(detector, frames, near)
    assert calls == {"S3FD": [], "FAN": [1, 1]}
    for frame, points, our in zip(frames, near, found, strict=True):
        box = np.array([*points.min(0), *points.max(0)], np.float64)
        (their,) = networks.get_landmarks_from_image(frame, detected_faces=[box])
        assert np.array_equal(our, their)


def test_faces_are_followed_without_s3fd_and_aligned_in_one_batch(detector, networks, calls):
    say_faces(detector)
    detector.batch = 8
    frames = [picture(seed=seed) for seed in range(3)]
    first = detect(detector, frames)
    assert calls == {"S3FD": [3], "FAN": [3]}
    box = [*first[0].min(0), *first[0].max(0)]
    assert np.allclose(box, [16, 18.9, 48, 45.1], atol=1.5)
    calls["S3FD"].clear()
    second = detect(detector, frames, list(first))
    assert calls == {"S3FD": [], "FAN": [3, 3]}
    assert np.abs(second - first).max() <= 2


def test_only_frames_whose_face_is_lost_go_through_s3fd(detector, networks, calls, monkeypatch):
    shorten(detector, 0)
    say_faces(detector)
    detector.batch = 8
    frames = [picture(seed=seed) for seed in range(3)]
    middle = detect(detector, frames[:1])[0]
    calls["S3FD"].clear(), calls["FAN"].clear()
    outside = face_points(500, 500, 20)
    found = detect(detector, frames, [middle, None, outside])
    assert calls == {"S3FD": [2], "FAN": [1, 2]}
    assert np.abs(found - middle).max() <= 2


@pytest.mark.parametrize("lower", ["TRACK_SCORE", "TRACK_OVERLAP"])
def test_a_face_that_is_unsure_or_elsewhere_is_looked_for_by_s3fd(
    detector, networks, calls, monkeypatch, lower
):
    shorten(detector, 0)
    say_faces(detector)
    near = detect(detector, [picture()])[0]
    calls["S3FD"].clear()
    detect(detector, [picture()], [near])
    assert calls["S3FD"] == []
    monkeypatch.setattr(aligner, lower, 1.1)
    assert np.abs(detect(detector, [picture()], [near])[0] - near).max() <= 2
    assert calls["S3FD"] == [1]


@pytest.mark.parametrize(
    "near", [np.full((68, 2), np.nan), np.full((68, 2), 20.0), face_points(-900, 9, 20)]
)
def test_landmarks_nearby_that_are_no_face_in_the_frame_are_not_followed(
    detector, networks, calls, near
):
    shorten(detector, 0)
    say_faces(detector)
    assert np.isfinite(detect(detector, [picture()], [near])).all()
    assert calls == {"S3FD": [1], "FAN": [1]}


def test_of_two_faces_the_larger_one_or_the_one_that_is_followed(detector, networks, monkeypatch):
    # The boxes are made up, and the points in them.
    shorten(detector, 0)
    say_faces(detector)
    boxes = [np.array([2.0, 2, 22, 22, 0.9]), np.array([24.0, 24, 62, 62, 0.8])]
    monkeypatch.setattr(detector, "_find_boxes", lambda frames: [boxes for _ in frames])
    monkeypatch.setattr(aligner, "TRACK_SCORE", np.inf)
    first, second = networks.get_landmarks_from_image(picture(), boxes)
    assert np.prod(np.ptp(second, axis=0)) > np.prod(np.ptp(first, axis=0))
    found = detect(detector, [picture()] * 3, [None, first + 1, first + 500])
    assert np.array_equal(found, [second, first, second])


def test_no_face_gives_nan_and_no_warning(detector, blind, recwarn):
    with pytest.warns(UserWarning, match="No faces"):
        assert blind.get_landmarks_from_image(picture()) is None
    recwarn.clear()
    landmarks = detect(detector, [picture(), picture(96, 64)])
    assert landmarks.shape == (2, 68, 2)
    assert landmarks.dtype == np.float32
    assert np.isnan(landmarks).all()
    assert not recwarn.list


def test_frames_too_small_for_the_networks_have_no_face(detector, networks, calls):
    shorten(detector, 0)
    say_faces(detector)
    frames = [picture(1, 1), picture(20, 30), picture(20, 30)]
    near = [None, None, face_points(15, 10, 12)]
    assert np.isnan(detect(detector, frames, near)).all()
    assert calls == {"S3FD": [], "FAN": []}


def test_no_frames_give_no_landmarks(detector):
    assert detect(detector, []).shape == (0, 68, 2)


def test_neither_compiled_nor_mirrored(detector):
    assert detector.networks.flip_input is False
    assert type(detector.networks.face_alignment_net).__name__ == "FAN"


def test_a_cpu_takes_frames_one_by_one(detector):
    assert detector.batch == 1


def test_p21_autograd_threads_and_cudnn_are_left_as_they_were(detector, monkeypatch):
    def state():
        return torch.is_grad_enabled(), torch.backends.cudnn.benchmark, torch.get_num_threads()

    def careless(*_, **__):
        inside.append(torch.get_num_threads())
        torch.set_grad_enabled(False)
        torch.backends.cudnn.benchmark = not before[1]
        return detector.networks

    before, inside = state(), []
    assert before[0]
    detect(detector, [picture()])
    assert state() == before
    monkeypatch.setattr(face_alignment, "FaceAlignment", careless)
    monkeypatch.setattr(aligner, "fetch_weights", lambda: None)
    FaceAlignmentDetector("cpu", threads=before[2] + 1)
    assert state() == before
    monkeypatch.setattr(detector, "_detect", lambda *_: careless() and np.zeros((1, 68, 2)))
    monkeypatch.setattr(detector, "threads", before[2] + 2)
    detect(detector, [picture()])
    assert state() == before
    assert inside == [before[2] + 1, before[2] + 2]


@pytest.mark.parametrize(
    "error", [RuntimeError, AssertionError]
)  # PyTorch's, with and without CUDA
def test_a_gpu_that_is_not_there_is_an_error_in_one_line(monkeypatch, error):
    def absent(*_, **__):
        raise error("No CUDA GPUs are available\nand more")

    monkeypatch.setattr(aligner, "fetch_weights", lambda: None)
    monkeypatch.setattr(face_alignment, "FaceAlignment", absent)
    with pytest.raises(ValueError, match=r"does not start .* on cuda:3 \(.*No CUDA.*available\)$"):
        create_detector("face-alignment", "cuda:3")


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
        assert all(Path(url).name in message and url in message for url in WEIGHTS)
        assert "\n" not in message


def test_weights_are_fetched_to_the_place_where_they_are_loaded(tmp_path, monkeypatch):
    fetched = {}
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(
        torch.hub, "download_url_to_file", lambda url, to, digest: fetched.update({to: url})
    )
    fetch_weights()
    folder = tmp_path / "hub" / "checkpoints"
    assert fetched == {str(folder / Path(url).name): url for url in WEIGHTS}


def test_damaged_weights_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    for url in WEIGHTS:
        (folder / Path(url).name).write_bytes(b"cut in half")
    with pytest.raises(
        ValueError, match=r"does not start with .*2DFAN4.* in .*checkpoints"
    ) as error:
        create_detector("face-alignment", "cpu")
    assert "\n" not in str(error.value)


@SEVERAL_OR_ALL
def test_bfloat16_rounds_the_heatmaps_and_no_more(detector, networks, hourglasses):
    rough = create_detector("face-alignment", "cpu", threads=1, precision="bfloat16")
    for one in (detector, rough):
        shorten(one, hourglasses)
    crops = np.random.default_rng(3).random((1, 3, 256, 256), np.float32)
    with torch.inference_mode():
        exact, rounded = detector._run_fan(crops), rough._run_fan(crops)
    assert exact.dtype == rounded.dtype == np.float32
    assert 0 < np.abs(rounded - exact).max() < 0.05 * np.ptp(exact)


def test_a_face_is_found_in_bfloat16(detector):
    rough = create_detector("face-alignment", "cpu", threads=1, precision="bfloat16")
    shorten(rough)
    say_faces(rough)
    frame = np.zeros((96, 96, 3), np.uint8)
    first, second = (
        rough.detect([frame], [("clip.mp4", index)], [near])[0]
        for index, near in enumerate((None, face_points(48, 48, 48)))
    )
    for found in (first, second):
        assert np.abs(found.mean(0) - 48).max() < 8
