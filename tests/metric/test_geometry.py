"""Landmark and pose errors: known faces, known turns, and heads that were drawn with them."""

import math

import numpy as np
import pytest
import torch

from drawn_heads.motion import Pose
from drawn_heads.render import render
from drawn_heads.set import draw_video
from metric.geometry import GENERIC_FACE, head_pose, landmark_error, pose_error
from tests.metric.conftest import face

SIZE = 128


def turned_face(yaw: float, pitch: float, roll: float, size: int = SIZE) -> torch.Tensor:
    """Project the generic face, turned about its nose: (1, 68, 2), other points are 0."""
    y, p, r = np.radians([yaw, pitch, roll])
    # Right-handed with z away from the camera: turning right or up moves the nose that way.
    about_y = [[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]]
    about_x = [[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]]
    about_z = [[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]]
    turn = np.array(about_z) @ about_x @ about_y
    points = np.array(list(GENERIC_FACE.values())) @ turn.T + [30, -20, 1500]
    landmarks = torch.zeros(1, 68, 2)
    projected = size * points[:, :2] / points[:, 2:] + (size - 1) / 2
    landmarks[0, list(GENERIC_FACE)] = torch.from_numpy(projected).float()
    return landmarks


def test_a_shifted_face_is_off_by_its_shift_over_the_outer_eye_distance():
    wanted = face(0, 2)  # eyes 40 pixels apart
    shift = torch.tensor([[[3.0, 4.0]], [[0.0, 0.0]]])
    torch.testing.assert_close(landmark_error(wanted + shift, wanted), torch.tensor([5 / 40, 0]))


def test_one_wrong_point_counts_for_a_68th_and_the_wanted_face_gives_the_scale():
    wanted = face(0)
    found = wanted.clone()
    found[0, 45, 0] += 34
    assert landmark_error(found, wanted).item() == pytest.approx(34 / 68 / 40)
    assert landmark_error(wanted, found).item() == pytest.approx(34 / 68 / 74)


def test_a_face_that_was_not_found_has_no_error_and_no_pose():
    wanted, found = face(0, 2), face(1, 2)
    found[0] = torch.nan
    assert landmark_error(found, wanted).isnan().tolist() == [True, False]
    assert head_pose(found, SIZE).isnan().all(1).tolist() == [True, False]
    assert pose_error(found, wanted, SIZE).isnan().tolist() == [True, False]
    assert head_pose(torch.full((1, 68, 2), 7.0), SIZE).isnan().all()


@pytest.mark.parametrize("angles", [(0, 0, 0), (30, 0, 0), (0, -20, 0), (0, 0, 40), (-35, 15, -10)])
@pytest.mark.parametrize("size", [64, 256])
def test_the_pose_of_the_turned_generic_face_is_found(angles, size):
    pose = head_pose(turned_face(*angles, size=size), size)
    torch.testing.assert_close(pose[0], torch.tensor(angles).float(), atol=0.02, rtol=0)


def test_the_pose_of_drawn_heads_has_their_signs_and_nearly_their_angles():
    who, scene, _ = draw_video(seed=0, person=1, video=0, frames=1)
    angles = torch.tensor(
        [[0.0, 0, 0], [25, 0, 0], [-25, 0, 0], [0, 12, 0], [0, -12, 0], [0, 0, 15]]
    )
    poses = [Pose(*row.tolist()) for row in angles]
    landmarks = np.stack([render(who, scene, pose, SIZE)[1] for pose in poses])
    found = head_pose(torch.from_numpy(landmarks), SIZE)
    assert (found[1:] - found[0] - angles[1:]).abs().max() < 8


def test_the_pose_error_is_the_mean_of_the_three_angles():
    one, other = turned_face(10, 5, 0), turned_face(-2, 8, 3)
    assert pose_error(one, other, SIZE).item() == pytest.approx((12 + 3 + 3) / 3, abs=0.02)
    assert pose_error(one, one, SIZE).item() == 0


def test_angles_that_meet_at_half_a_turn_are_near():
    error = pose_error(turned_face(0, 0, 179), turned_face(0, 0, -178), SIZE)
    assert error.item() == pytest.approx(3 / 3, abs=0.02)


def test_the_outer_eye_distance_is_measured_along_the_line_of_the_eyes():
    wanted = face(0)
    c, s = math.cos(0.5), math.sin(0.5)
    tilted = wanted @ torch.tensor([[c, s], [-s, c]])
    torch.testing.assert_close(
        landmark_error(tilted + torch.tensor([4.0, 0]), tilted), torch.tensor([0.1])
    )
