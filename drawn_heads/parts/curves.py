"""The curves of a face on the head's surface, and the 68 landmarks that they pass through."""

from typing import NamedTuple

import numpy as np

from drawn_heads.drawing.surfaces import smoothstep, surface_at
from drawn_heads.motion import Pose
from drawn_heads.parts.head import COLUMNS, JAW_KNOT, ROWS, Head, head_places, lift_points
from drawn_heads.people import Person

EYE_SAMPLES = 19
LIP_SAMPLES = 25


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
