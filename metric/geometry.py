"""How far landmarks and head poses are from where they should be."""

import cv2
import numpy as np
import torch
from torch import Tensor

OUTER_EYES = (36, 45)

# A generic face: x to the image's right, y down, z away from the camera; the nose tip is at 0.
# Source: S. Mallick, "Head Pose Estimation using OpenCV and Dlib", learnopencv.com, 2016.
GENERIC_FACE = {
    30: (0.0, 0.0, 0.0),  # nose tip
    8: (0.0, 330.0, 65.0),  # chin
    36: (-225.0, -170.0, 135.0),  # outer corners of the eyes
    45: (225.0, -170.0, 135.0),
    48: (-150.0, 150.0, 125.0),  # corners of the mouth
    54: (150.0, 150.0, 125.0),
}


def landmark_error(found: Tensor, wanted: Tensor) -> Tensor:
    """Return the mean distance of the points as a share of the wanted face's outer-eye distance.

    Args:
        found, wanted: (B, 68, 2) (x, y) in pixels.

    Returns:
        (B,); NaN where a point is.

    Source: Sagonas et al. 2013, the error of the 300-W challenge.
    """
    return (found - wanted).norm(dim=-1).mean(-1) / outer_eye_distance(wanted)


def outer_eye_distance(landmarks: Tensor) -> Tensor:
    """Return the distances (B,) of the outer corners of the eyes of landmarks (B, 68, 2)."""
    right, left = OUTER_EYES
    return (landmarks[:, left] - landmarks[:, right]).norm(dim=-1)


def head_pose(landmarks: Tensor, image_size: int) -> Tensor:
    """Find the turn of a generic face that projects nearest to six of the landmarks.

    Every real face differs from the generic one: of one person compare angles, whose common
    error cancels, rather than believe them. The camera is one that looks at the middle of the
    image, with a focal length of its side.

    Args:
        landmarks: (B, 68, 2) (x, y) in pixels of square images.
        image_size: side of the images, pixels.

    Returns:
        (B, 3) yaw, pitch, roll in degrees: positive yaw turns the nose to the image's right,
        positive pitch lifts the chin, positive roll tilts clockwise in the image; the head is
        turned in this order. NaN where one of the six is, and where all coincide.
    """
    middle = (image_size - 1) / 2
    camera = np.array([[image_size, 0, middle], [0, image_size, middle], [0, 0, 1]], float)
    rows = landmarks.detach().cpu().double().numpy()
    poses = [_solve_pose(points[list(GENERIC_FACE)], camera) for points in rows]
    return torch.tensor(np.array(poses).reshape(-1, 3), dtype=torch.float32).to(landmarks.device)


def pose_error(found: Tensor, wanted: Tensor, image_size: int) -> Tensor:
    """Return the mean absolute difference of yaw, pitch and roll, degrees.

    Args:
        found, wanted: (B, 68, 2) (x, y) in pixels of square images.
        image_size: side of the images, pixels.

    Returns:
        (B,), at most 180; NaN where a landmark is.
    """
    difference = head_pose(found, image_size) - head_pose(wanted, image_size)
    return _wrapped(difference).abs().mean(-1)


def _solve_pose(points: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """Return yaw, pitch and roll, in degrees, of six points (6, 2)."""
    if not np.isfinite(points).all():
        return np.full(3, np.nan)
    face = np.array(list(GENERIC_FACE.values()))
    # SQPnP finds the best of all turns; an iterative search from six points often ends elsewhere.
    try:
        _, axis, _ = cv2.solvePnP(face, points, camera, None, flags=cv2.SOLVEPNP_SQPNP)
    except cv2.error:  # the points coincide
        return np.full(3, np.nan)
    turn, _ = cv2.Rodrigues(axis)
    yaw = np.arctan2(turn[2, 0], turn[2, 2])
    pitch = np.arcsin(np.clip(-turn[2, 1], -1, 1))
    roll = np.arctan2(-turn[0, 1], turn[1, 1])
    return np.degrees([yaw, pitch, roll])


def _wrapped(degrees: Tensor) -> Tensor:
    """Bring differences of angles to -180..180."""
    return (degrees + 180) % 360 - 180
