"""Shapes of faces do not know place, size, tilt or motion."""

import math

import numpy as np
import pytest
import scipy.spatial
import torch

from dataset import shape
from dataset.landmarks import MIRRORED
from drawn_heads.motion import Pose
from drawn_heads.render import render
from drawn_heads.set import draw_video
from tests.metric.conftest import face


def face_shape(landmarks: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(shape.face_shape(landmarks.numpy()))


def tilted(landmarks: torch.Tensor, degrees: float, scale: float, shift: float) -> torch.Tensor:
    c, s = (f(math.radians(degrees)) for f in (math.cos, math.sin))
    return scale * landmarks @ torch.tensor([[c, s], [-s, c]], dtype=landmarks.dtype) + shift


def many_poses(landmarks: torch.Tensor) -> torch.Tensor:
    poses = [(0, 1, 0), (30, 2, 5), (-50, 0.3, -90), (170, 1.1, 400)]
    return torch.cat([tilted(landmarks, *pose) for pose in poses])


def test_the_shape_is_centred_of_unit_size_and_level():
    shape = face_shape(tilted(face(0), 40, 3, 10))
    torch.testing.assert_close(shape.mean(0), torch.zeros(2), atol=1e-6, rtol=0)
    assert shape.square().sum().item() == pytest.approx(1, rel=1e-5)
    assert shape[36, 1].item() == pytest.approx(shape[45, 1].item(), abs=1e-6)
    assert shape[36, 0] < shape[45, 0]


def test_one_face_in_any_place_size_and_tilt_has_one_shape():
    expected = face_shape(face(0))
    torch.testing.assert_close(face_shape(many_poses(face(0))), expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(face_shape(many_poses(face(0))[1:]), expected, atol=1e-5, rtol=0)


def test_a_mirrored_face_is_another_shape():
    mirrored = face(0) * torch.tensor([-1.0, 1.0])
    assert (face_shape(mirrored) - face_shape(face(0))).norm() > 0.1


def test_the_mirrored_points_are_those_of_a_drawn_face_in_a_mirror():
    person, scene, _ = draw_video(seed=0, person=0, video=0, frames=1)
    _, landmarks = render(person, scene, Pose(), 256)
    mirrored = landmarks[list(MIRRORED)] * [-1, 1] + [255, 0]
    np.testing.assert_allclose(mirrored, landmarks, atol=2)


def test_a_level_symmetric_face_keeps_its_shape_as_it_is():
    points = face(0)[0].double()
    points = points + points[list(MIRRORED)] * torch.tensor([-1, 1])
    centred = points - points.mean(0)
    expected = centred / centred.norm() * (centred[45, 0] - centred[36, 0]).sign()
    torch.testing.assert_close(face_shape(points[None]), expected)


def test_a_turn_to_the_side_only_narrows_a_symmetric_face():
    solid = torch.randn(68, 3, generator=torch.Generator().manual_seed(0), dtype=torch.double)
    solid = solid + solid[list(MIRRORED)] * torch.tensor([-1, 1, 1])
    front, depth = solid[None, :, :2], solid[None, :, 2:]
    c, s = math.cos(0.4), math.sin(0.4)
    turned = front * torch.tensor([c, 1]) + s * depth * torch.tensor([1.0, 0])
    narrowed = face_shape(front * torch.tensor([c, 1]))
    torch.testing.assert_close(face_shape(turned), narrowed, atol=1e-3, rtol=0)
    assert (face_shape(turned) - face_shape(front)).norm() < 0.1


def test_the_mean_is_nearest_to_all_frames_and_their_mirrors_by_scipys_procrustes():
    frames = many_poses(face(0))
    frames = frames + 3 * torch.randn(frames.shape, generator=torch.Generator().manual_seed(1))
    mean = face_shape(frames)
    frames = torch.cat([frames, frames[:, MIRRORED] * torch.tensor([-1.0, 1.0])])

    def distance(shape: torch.Tensor) -> float:
        return sum(
            scipy.spatial.procrustes(shape.double().numpy(), frame.double().numpy())[2]
            for frame in frames
        )

    least = distance(mean)
    generator = torch.Generator().manual_seed(2)
    for _ in range(20):
        assert least < distance(mean + 0.002 * torch.randn(68, 2, generator=generator))


def test_expressions_average_out():
    expression = torch.randn(40, 68, 2, generator=torch.Generator().manual_seed(0))
    frames = face(0) + 2 * (expression - expression.mean(0))
    one = (face_shape(frames[:1]) - face_shape(face(0))).norm()
    all_frames = (face_shape(frames) - face_shape(face(0))).norm()
    assert all_frames < 0.05 * one


def test_frames_without_a_face_are_left_out():
    frames = many_poses(face(0))
    frames[1, 5] = torch.nan
    torch.testing.assert_close(face_shape(frames), face_shape(face(0)), atol=1e-5, rtol=0)
    assert face_shape(frames[1:2]).isnan().all()
