"""The 3-D shapes of a drawn talking head: surfaces as grids of points, features as curves on them.

Head space: units of 10 cm, origin between the eyes inside the head, x to the image's right, y down,
z towards the camera. A surface is a grid (rows, columns, 3): rows run from the crown down, columns
run round the head from the back over image-left, the front (the middle column) and image-right.
"""

from typing import NamedTuple

import numpy as np

from drawn_heads.motion import Pose
from drawn_heads.people import Person
from drawn_heads.surfaces import bump, loft, smoothstep, spline, surface_at

ROWS, COLUMNS = 46, 55
JAW_KNOT = 10.0
JAW_HINGE = (0.10, -0.05)
JAW_ANGLE = np.radians(11.0)


class Features(NamedTuple):
    """Curves of the face in head space, each (n, 3); pairs are image-left, image-right."""

    upper_lids: tuple[np.ndarray, np.ndarray]
    lower_lids: tuple[np.ndarray, np.ndarray]
    creases: tuple[np.ndarray, np.ndarray]
    brow_tops: tuple[np.ndarray, np.ndarray]
    brow_bottoms: tuple[np.ndarray, np.ndarray]
    lip_top: np.ndarray
    lip_upper: np.ndarray
    lip_lower: np.ndarray
    lip_bottom: np.ndarray
    nose_bridge: np.ndarray
    nostrils: np.ndarray
    jaw: np.ndarray


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


def build_features(person: Person, pose: Pose, head: Head) -> Features:
    """Build the curves of eyes, brows, lips, nose and jaw on the deformed head."""
    curves: list[np.ndarray] = []
    for side in (-1, 1):
        curves += _eye_curves(person, pose, side)
        curves += _brow_curves(person, pose, side)
    curves += _lip_curves(person, pose)
    curves += _nose_curves(person)
    lifted = lift_points(head, np.concatenate(curves))
    bounds = np.cumsum([len(curve) for curve in curves])[:-1]
    on_head = np.split(lifted, bounds)
    left, right, rest = on_head[:5], on_head[5:10], on_head[10:]
    return Features(*zip(left, right, strict=True), *rest, _jaw_curve(head))


EYE_SAMPLES = 19
LIP_SAMPLES = 25


def _eye_curves(person: Person, pose: Pose, side: int) -> list[np.ndarray]:
    """Return upper lid, lower lid and crease from image-left to image-right, (n, 2) each."""
    p = person
    s = np.linspace(-1, 1, EYE_SAMPLES)
    outward = s * side
    arch = (1 - np.abs(s) ** 2.2) ** 0.85
    tilt = -p.eye_tilt * outward
    squeeze = 1.0 - 0.22 * max(pose.smile, 0.0)
    wide = 1.0 + 0.12 * pose.brows
    low = p.eye_y + tilt + 0.62 * p.eye_height * squeeze * arch * (1 + 0.10 * outward)
    high = p.eye_y + tilt - p.eye_height * wide * arch * (1 - 0.14 * outward)
    high = high + 0.012 * pose.gaze_y * arch
    shut = low - 0.004 * arch
    low = low - 0.010 * pose.blink * arch
    lid = high + (shut - 0.010 * pose.blink * arch - high) * pose.blink
    crease = high - 0.040 - 0.014 * pose.brows - 0.012 * arch + 0.035 * pose.blink * arch
    x = side * p.eye_x + s * p.eye_width
    wider = side * p.eye_x + s * p.eye_width * 1.06
    return [np.stack(pair, axis=-1) for pair in ((x, lid), (x, low), (wider, crease))]


def _brow_curves(person: Person, pose: Pose, side: int) -> list[np.ndarray]:
    """Return top and bottom edge of a brow from image-left to image-right, (9, 2) each."""
    p = person
    s = np.linspace(-1, 1, 9)
    outward = s * side
    x = side * (p.eye_x + 0.015) + s * (p.eye_width + 0.065)
    arch = p.brow_arch * (1 - (outward - 0.30) ** 2 * 0.55)
    lift = 0.055 * pose.brows * (1 - 0.25 * outward)
    frown = 0.02 * np.clip(-pose.brows, 0, 1) * np.clip(-outward, 0, 1)
    middle = p.brow_y - arch - p.brow_tilt * outward - lift + frown + 0.025
    half = p.brow_thickness * (0.55 + 0.45 * (1 - smoothstep(0.0, 1.05, outward)))
    half = half * (0.15 + 0.85 * smoothstep(1.12, 0.75, np.abs(outward)))
    return [np.stack([x, middle - half], axis=-1), np.stack([x, middle + half], axis=-1)]


def _lip_curves(person: Person, pose: Pose) -> list[np.ndarray]:
    """Return lip top, inner upper, inner lower and lip bottom, left to right, (n, 2) each."""
    p = person
    s = np.linspace(-1, 1, LIP_SAMPLES)
    smile = pose.smile
    width = p.mouth_width * (1 + 0.20 * smile - 0.34 * pose.pucker - 0.06 * pose.jaw)
    curve = 0.075 * smile + 0.015
    corner = p.mouth_y - curve * np.abs(s) ** 1.6 + 0.02 * smile
    round_in = np.clip(1 - s * s, 0, 1)
    bow = 0.16 * np.exp(-0.5 * (s / 0.13) ** 2) * p.upper_lip
    thick = 1.0 - 0.16 * np.clip(smile, 0, 1) + 0.25 * pose.pucker
    opening = 0.235 * pose.jaw + 0.02 * np.clip(smile - 0.55, 0, 1)
    raised = 0.14 * opening * round_in**0.7
    dropped = 0.86 * opening * round_in**0.7
    line = 0.012 * np.exp(-0.5 * (s / 0.2) ** 2)
    top = corner - raised - p.upper_lip * thick * (round_in**0.75) + bow
    bottom = corner + dropped + p.lower_lip * thick * round_in**0.62
    inner = np.clip(1 - (s / 0.93) ** 2, 0, 1) ** 0.75
    upper = corner + line - 0.14 * opening * inner
    lower = corner + line + 0.86 * opening * inner
    x = s * width
    return [np.stack([x, y], axis=-1) for y in (top, upper, lower, bottom)]


def _nose_curves(person: Person) -> list[np.ndarray]:
    p = person
    tip = p.nose_length + p.nose_tip
    bridge = np.stack([np.zeros(4), np.linspace(-0.04, tip - 0.01, 4)], axis=-1)
    x = p.nose_width * np.array([-0.92, -0.46, 0.0, 0.46, 0.92])
    y = p.nose_length + np.array([0.070, 0.092, 0.108, 0.092, 0.070])
    return [bridge, np.stack([x, y], axis=-1)]


def _jaw_curve(head: Head) -> np.ndarray:
    """Return the 17 points from the image-left ear along the jaw's edge to the other ear."""
    step = np.linspace(-1, 1, 17)
    angle = np.radians(88.0) * np.sign(step) * np.abs(step) ** 0.92
    columns = np.interp(angle, head.angles, np.arange(COLUMNS))
    knot = JAW_KNOT - 4.2 * smoothstep(0.55, 1.0, np.abs(step)) ** 1.1
    rows = np.interp(knot, head_places(), np.arange(ROWS))
    return surface_at(head.surface, np.stack([columns, rows], axis=-1))


def landmarks_of(features: Features) -> np.ndarray:
    """Return the 68 landmarks (68, 3) in head space, in the order of `dataset.landmarks`."""
    f = features
    brows = [
        (0.5 * (top + bottom))[np.arange(0, 9, 2)]
        for top, bottom in zip(f.brow_tops, f.brow_bottoms, strict=True)
    ]
    eye = np.array([0, 6, 12, 18])
    eyes = [
        np.concatenate([upper[eye], lower[eye[2:0:-1]]])
        for upper, lower in zip(f.upper_lids, f.lower_lids, strict=True)
    ]
    outer = np.array([0, 4, 8, 12, 16, 20, 24])
    inner = np.array([2, 8, 12, 16, 22])
    lips = [f.lip_top[outer], f.lip_bottom[outer[5:0:-1]]]
    inside = [f.lip_upper[inner], f.lip_lower[inner[3:0:-1]]]
    return np.concatenate([f.jaw, *brows, f.nose_bridge, f.nostrils, *eyes, *lips, *inside])


def build_ear(person: Person, side: int, stick_out: bool = True) -> np.ndarray:
    """Build one ear, a dished shell, on `side` -1 (image-left) or 1; long hair presses it flat."""
    radius = np.linspace(0.02, 1.0, 7)[:, None]
    around = np.linspace(0, 2 * np.pi, 15)[None]
    size = person.ear_size
    egg = 1 - 0.20 * np.sin(around)
    outward = 0.135 * size * radius * egg * np.cos(around)
    stick_out = 0.66 if stick_out else 0.30
    down = 0.235 * size * radius * np.sin(around)
    rim = 0.05 * np.exp(-0.5 * ((radius - 0.78) / 0.16) ** 2) - 0.05 * (radius > 0.95)
    dish = rim - 0.03 * np.exp(-0.5 * (radius / 0.35) ** 2)
    x = person.face_width + 0.015 + stick_out * outward + 0.75 * dish
    z = -0.06 - 0.80 * outward + 0.66 * dish + 0.05 * down
    y = 0.13 + down
    ear = np.stack([side * (x + 0 * y), y, z], axis=-1)
    return ear[:, ::-1] if side > 0 else ear


def build_body(person: Person) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Build neck and shoulders.

    Returns:
        The surface (rows, columns, 3), how far each row follows the body (rows,) 0..1, and the
        number of every point's ring (rows, columns), by which collars are cut.
    """
    n = person.neck_width
    knots = np.array(
        [
            (0.45, n * 0.95, n * 0.55, -0.75, 0.0, 0.93),
            (0.80, n * 0.95, n * 0.55, -0.78, 0.0, 0.93),
            (1.10, n, n * 0.55, -0.82, 0.0, 0.93),
            (1.32, n * 1.06, n * 0.62, -0.86, 0.0, 0.93),
            (1.50, n * 1.35, n * 0.85, -0.90, 0.05, 0.93),
            (1.60, 0.98, 0.60, -0.92, 0.05, 0.93),
            (1.74, 1.36, 0.68, -0.95, 0.05, 0.93),
            (2.00, 1.56, 0.74, -0.95, 0.0, 0.93),
            (3.00, 1.62, 0.78, -0.95, 0.0, 0.93),
        ]
    )
    places = np.concatenate([np.linspace(0, 3, 6), np.linspace(3.25, 7.2, 15)])
    surface = loft(knots, places, np.linspace(-np.pi, np.pi, 37), 1.0)
    follow = smoothstep(0.55, 1.50, spline(knots, places)[:, 0])
    return surface, follow, np.repeat(places[:, None], surface.shape[1], axis=1)
