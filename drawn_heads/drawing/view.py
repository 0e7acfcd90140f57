"""How the camera sees a head: head space to pixels."""

from typing import NamedTuple

import numpy as np

from drawn_heads.drawing.canvas import Camera
from drawn_heads.motion import Pose

NECK = np.array([0.0, 0.60, -0.25])  # the head turns about it
UNITS_PER_FRAME = 3.02
CENTER = (0.5, 0.487)
BODY_TURN = 0.25  # how far the body turns with the head


class View(NamedTuple):
    """The camera, and the rotations of head and body."""

    camera: Camera
    turn: np.ndarray
    body_turn: np.ndarray

    def turned(self, points: np.ndarray) -> np.ndarray:
        """Turn points (..., 3) of head space with the head."""
        return (points - NECK) @ self.turn.T + NECK

    def hang(self, surface: np.ndarray, follow: np.ndarray) -> np.ndarray:
        """Turn rows (rows, columns, 3) with the head or, by `follow` (rows,), with the body."""
        with_head = self.turned(surface)
        with_body = (surface - NECK) @ self.body_turn.T + NECK
        return with_head + (with_body - with_head) * follow[:, None, None]

    def project(self, points: np.ndarray) -> np.ndarray:
        """Turn points (..., 3) with the head; return pixel x, pixel y and depth."""
        return self.camera.project(self.turned(points))


def view_of(pose: Pose, side: int) -> View:
    """Return the view of a pose on a canvas of `side` pixels."""
    center = ((CENTER[0] + pose.x) * side - 0.5, (CENTER[1] + pose.y) * side - 0.5)
    return View(
        Camera(center, side / UNITS_PER_FRAME * pose.scale),
        rotation(pose.yaw, pose.pitch, pose.roll),
        rotation(BODY_TURN * pose.yaw, 0, 0),
    )


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Return the rotation matrix of angles in degrees: yaw first, then pitch, then roll."""
    (cy, cp, cr), (sy, sp, sr) = (f(np.radians([yaw, pitch, roll])) for f in (np.cos, np.sin))
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return about_z @ about_x @ about_y
