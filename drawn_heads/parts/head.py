"""The surface of a bare head: a grid of points, shaped by a person and an expression.

Head space: units of 10 cm, origin between the eyes inside the head, x to the image's right, y down,
z towards the camera. A surface is a grid (rows, columns, 3): rows run from the crown down, columns
run round the head from the back over image-left, the front (the middle column) and image-right.
"""

from typing import NamedTuple

import numpy as np

from drawn_heads.drawing.surfaces import bump, loft, smoothstep, surface_at
from drawn_heads.motion import Pose
from drawn_heads.people import Person

ROWS, COLUMNS = 46, 55
JAW_KNOT = 10.0
JAW_HINGE = (0.10, -0.05)
JAW_ANGLE = np.radians(11.0)


class Head(NamedTuple):
    """The deformed head of one frame."""

    surface: np.ndarray
    angles: np.ndarray
    rest: np.ndarray


def head_columns() -> np.ndarray:
    """Return the angle (radians, 0 in front) of every column, close together over the face."""
    s = np.linspace(-1, 1, COLUMNS)
    return np.pi * (0.42 * s + 0.58 * s**3)


def head_knots(person: Person) -> np.ndarray:
    """Return the rings that the skull is lofted from, (13, 6); see `loft`."""
    p = person
    jaw = p.jaw_width
    chin = p.chin_y
    full = 0.02 * (p.cheeks - 0.5)
    return np.array(
        [
            (-1.165, 0.0, 0.0, 0.0, 0.0, 0.93),
            (-1.125, 0.30, 0.26, -0.48, 0.0, 0.93),
            (-0.97, 0.54, 0.52, -0.79, 0.0, 0.93),
            (-0.72, p.face_width - 0.055, 0.725, -0.95, 0.0, 0.93),
            (-0.42, p.face_width + 0.01, 0.80, -1.00, 0.0, 0.93),
            (-0.10, p.face_width + 0.015, 0.80, -1.00, 0.0, 0.93),
            (0.20, p.face_width + full, 0.79, -0.93, 0.10, 0.93),
            (0.48, 0.55 * p.face_width + 0.45 * jaw + 0.03 + full, 0.77, -0.80, 0.34, 0.98),
            (0.72, jaw + 0.06 + 1.5 * full, 0.75, -0.62, 0.62, 1.06),
            (0.93, jaw + 0.035 + full, 0.73, -0.45, 0.86, 1.16),
            (chin, jaw, 0.67, -0.30, 1.06, 1.26),
            (chin + 0.03, jaw - 0.17, 0.45, -0.20, 0.90, 1.1),
            (chin - 0.10, 0.25, 0.20, -0.20, 0.60, 0.93),
        ]
    )


def head_places() -> np.ndarray:
    """Return the knot number of every row of the head's surface."""
    return np.linspace(0.0, 12.0, ROWS)


def build_head(person: Person, pose: Pose) -> Head:
    """Build the head's surface, deformed by the expression but not yet turned."""
    angles = head_columns()
    rest = loft(head_knots(person), head_places(), angles, person.jaw_roundness)
    x, y = rest[..., 0], rest[..., 1]
    front = smoothstep(0.0, 0.5, np.cos(angles))[None]
    surface = rest.copy()
    surface[..., 2] += front * (_face_relief(person, x, y) + _expression_relief(person, pose, x, y))
    surface[..., 1] -= (
        front
        * 0.035
        * max(pose.smile, 0.0)
        * (bump(x, y, (-0.40, 0.38), (0.14, 0.14)) + bump(x, y, (0.40, 0.38), (0.14, 0.14)))
    )
    _drop_jaw(surface, person, pose, y)
    return Head(surface, angles, rest)


def _face_relief(person: Person, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    p = person
    side = np.abs(x)
    relief = -0.085 * bump(side, y, (p.eye_x - 0.01, p.eye_y - 0.01), (0.14, 0.10))
    relief += 0.055 * bump(side, y, (p.eye_x, p.eye_y), (0.10, 0.075))
    relief += 0.03 * bump(side, y, (p.eye_x - 0.05, p.brow_y + 0.02), (0.20, 0.06))
    relief += 0.045 * (0.6 + p.cheeks) * bump(side, y, (0.42, 0.30), (0.15, 0.14))
    relief -= 0.03 * (1.1 - p.cheeks) * bump(side, y, (0.48, 0.66), (0.12, 0.14))
    relief += 0.06 * bump(x, y, (0.0, p.mouth_y), (0.26, 0.15))
    relief += (0.05 + p.chin_forward) * bump(x, y, (0.0, p.chin_y - 0.06), (0.17, 0.09))
    relief -= 0.03 * bump(x, y, (0.0, p.mouth_y + 0.18), (0.16, 0.045))
    return relief + _nose_relief(p, x, y)


def _nose_relief(person: Person, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    p = person
    tip = p.nose_length + p.nose_tip
    base = p.nose_length + 0.095
    slope = np.clip((y + 0.10) / (tip + 0.10), 0, 1)
    ridge = p.nose_height * (0.10 * smoothstep(-0.28, -0.05, y) + 0.90 * slope**1.35)
    under = 1 - smoothstep(tip + 0.02, base + 0.03, y)
    width = 0.054 + 0.042 * slope
    nose = ridge * under * np.exp(-0.5 * (x / width) ** 2)
    alar = (
        0.50
        * p.nose_height
        * bump(np.abs(x), y, (p.nose_width * 0.62, tip + 0.035), (p.nose_width * 0.30, 0.052))
    )
    return nose + alar


def _expression_relief(person: Person, pose: Pose, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    smile = max(pose.smile, 0.0)
    cheek = bump(np.abs(x), y, (0.40, 0.36), (0.12, 0.11))
    corner = bump(np.abs(x), y, (person.mouth_width + 0.10, person.mouth_y - 0.02), (0.05, 0.10))
    lips = bump(x, y, (0.0, person.mouth_y), (0.14, 0.10))
    return 0.045 * smile * cheek - 0.03 * smile * corner + 0.07 * pose.pucker * lips


def _drop_jaw(surface: np.ndarray, person: Person, pose: Pose, y: np.ndarray) -> None:
    """Turn what lies below the mouth about the jaw's hinge, in place."""
    weight = smoothstep(person.mouth_y - 0.06, person.mouth_y + 0.16, y + 0.10)
    angle = JAW_ANGLE * pose.jaw * weight
    height, depth = surface[..., 1] - JAW_HINGE[0], surface[..., 2] - JAW_HINGE[1]
    ahead = smoothstep(-0.05, 0.35, depth)
    surface[..., 1] += ahead * np.sin(angle) * depth
    surface[..., 2] -= ahead * np.sin(angle) * height


def lift_points(head: Head, points: np.ndarray) -> np.ndarray:
    """Put points (n, 2) of the face plane onto the front of the deformed head: (n, 3)."""
    first, last = COLUMNS // 2 - 17, COLUMNS // 2 + 18
    front = head.surface[:39, first:last]
    coarse = front[::3, ::3, :2].astype(np.float32).reshape(-1, 1, 2)
    target = points.astype(np.float32)
    gap = (coarse[..., 0] - target[:, 0]) ** 2 + (coarse[..., 1] - target[:, 1]) ** 2
    row, column = np.divmod(np.argmin(gap, axis=0), -(-front.shape[1] // 3))
    places = np.stack([column, row], axis=-1) * 3.0
    for _ in range(5):
        places = np.clip(places, 0.26, (front.shape[1] - 1.26, front.shape[0] - 1.26))
        here = surface_at(front, places)[:, :2]
        right = (surface_at(front, places + np.array([0.25, 0.0]))[:, :2] - here) / 0.25
        down = (surface_at(front, places + np.array([0.0, 0.25]))[:, :2] - here) / 0.25
        miss = points - here
        area = right[:, 0] * down[:, 1] - right[:, 1] * down[:, 0]
        area = np.where(np.abs(area) < 1e-6, 1e-6, area)
        step_u = (miss[:, 0] * down[:, 1] - miss[:, 1] * down[:, 0]) / area
        step_v = (right[:, 0] * miss[:, 1] - right[:, 1] * miss[:, 0]) / area
        places = places + np.clip(np.stack([step_u, step_v], axis=-1), -1.5, 1.5)
    depth = surface_at(front, places)[:, 2:]
    return np.concatenate([points, depth], axis=1)
