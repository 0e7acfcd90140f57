"""Paint the features of a drawn face: eyes, brows, mouth, nostrils."""

import numpy as np

from drawn_heads.colors import linear
from drawn_heads.drawing.canvas import Canvas, Mask, fill_mask
from drawn_heads.drawing.surfaces import smoothstep
from drawn_heads.motion import Pose
from drawn_heads.parts.curves import Features
from drawn_heads.people import Person

IRIS = 0.095


def paint_face(
    canvas: Canvas,
    person: Person,
    pose: Pose,
    features: Features,
    unit: float,
    light: tuple[float, float, float],
) -> None:
    """Paint all features of a face.

    Args:
        canvas: with the bare head drawn.
        person: who is drawn.
        pose: expression of this frame.
        features: curves (n, 3) as pixel x, pixel y and depth.
        unit: pixels per head unit.
        light: unit vector towards the light that the eyes reflect.
    """
    _paint_nose(canvas, person, features, unit)
    for index, side in enumerate((-1, 1)):
        _paint_eye(canvas, person, pose, features, index, side, unit, light)
        _paint_brow(canvas, person, features, index, unit)
    _paint_mouth(canvas, person, pose, features, unit)


def _closed(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Join two curves that run the same way into one outline."""
    return np.concatenate([first, second[::-1]])


def _shift(curve: np.ndarray, offset: np.ndarray) -> np.ndarray:
    moved = curve.copy()
    moved[:, :2] += offset
    return moved


def _paint_nose(canvas: Canvas, person: Person, features: Features, unit: float) -> None:
    nostrils = features.nostrils
    across = nostrils[4, :2] - nostrils[0, :2]
    down = np.array([-across[1], across[0]])
    down = down / (np.linalg.norm(down) + 1e-6) * unit
    dark = linear(person.skin) * np.array([0.30, 0.20, 0.18])
    around = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    for outer, inner in ((0, 1), (4, 3)):
        center = 0.42 * nostrils[outer] + 0.58 * nostrils[inner]
        half = 0.50 * (nostrils[outer, :2] - nostrils[inner, :2])
        outline = np.repeat(center[None], 14, axis=0)
        outline[:, :2] += np.cos(around)[:, None] * half - 0.018 * down
        outline[:, :2] += np.sin(around)[:, None] * 0.020 * down
        canvas.paint(outline, dark, 0.75, 0.010 * unit, margin=0.075)


def _paint_eye(
    canvas: Canvas,
    person: Person,
    pose: Pose,
    features: Features,
    index: int,
    side: int,
    unit: float,
    light: tuple[float, float, float],
) -> None:
    upper, lower = features.upper_lids[index], features.lower_lids[index]
    crease = features.creases[index]
    _paint_lid(canvas, person, pose, upper, crease, unit)
    almond = _closed(upper, lower)
    hole = fill_mask(almond, canvas.size)
    if hole is not None and pose.blink < 0.97:
        canvas.paint(almond, np.array([0.74, 0.72, 0.71]), lit=0.65)
        _paint_iris(canvas, person, pose, features, index, unit, hole, light)
        height = np.array([0.0, 0.020 * unit])
        shade = _closed(_shift(upper, -0.5 * height), _shift(upper, 1.3 * height))
        canvas.darken(shade, np.array([0.50, 0.47, 0.47]), 0.010 * unit, hole)
    _paint_lashes(canvas, person, upper, lower, side, unit)


def _paint_lid(
    canvas: Canvas, person: Person, pose: Pose, upper: np.ndarray, crease: np.ndarray, unit: float
) -> None:
    skin = linear(person.skin)
    shadow = np.array([0.80, 0.68, 0.66]) * (1 - 0.25 * person.makeup)
    tone = skin * (shadow + (np.array([0.92, 0.86, 0.85]) - shadow) * 0.5 * pose.blink)
    canvas.paint(_closed(crease, upper), tone, 0.85, 0.008 * unit)
    thick = 0.007 * unit * np.sin(np.linspace(0, np.pi, len(crease)))[:, None]
    line = _closed(_shift(crease, -thick * (0, 1)), _shift(crease, thick * (0, 1)))
    canvas.paint(line, skin * np.array([0.42, 0.32, 0.30]), 0.55, 0.005 * unit)


def _paint_iris(
    canvas: Canvas,
    person: Person,
    pose: Pose,
    features: Features,
    index: int,
    unit: float,
    hole: Mask,
    light: tuple[float, float, float],
) -> None:
    upper = features.upper_lids[index]
    corner_a, corner_b = upper[0], upper[-1]
    center = 0.5 * (corner_a + corner_b)
    right = (corner_b - corner_a) / (2 * person.eye_width)
    down = np.array([-right[1], right[0], 0.0])
    down = down / (np.linalg.norm(down[:2]) + 1e-6) * unit * 0.98
    gaze = center + right * 0.066 * pose.gaze_x + down * (0.030 * pose.gaze_y - 0.012)
    around = np.linspace(0, 2 * np.pi, 28, endpoint=False)[:, None]
    ring = np.cos(around) * right + np.sin(around) * down
    iris = linear(person.iris)
    canvas.paint(gaze + IRIS * ring, iris * 0.28, 1.0, 0.004 * unit, hole, 0.3, 0.2)
    canvas.paint(gaze + 0.86 * IRIS * ring, iris * 0.95, 1.0, 0.006 * unit, hole, 0.3, 0.2)
    glow = gaze + down * 0.022
    canvas.paint(glow + 0.52 * IRIS * ring, iris * 1.9, 0.6, 0.014 * unit, hole, 0.3, 0.2)
    canvas.paint(gaze + 0.44 * IRIS * ring, np.full(3, 0.004), 1.0, 0.004 * unit, hole, 0.0, 0.2)
    aside = right * (0.045 * light[0]) + down * (0.045 * min(light[1], -0.3))
    canvas.paint(gaze + aside + 0.019 * ring, np.ones(3), 0.9, 0.003 * unit, hole, 0.0, 0.2)
    canvas.paint(gaze - aside + 0.011 * ring, np.ones(3), 0.3, 0.003 * unit, hole, 0.0, 0.2)


def _paint_lashes(
    canvas: Canvas, person: Person, upper: np.ndarray, lower: np.ndarray, side: int, unit: float
) -> None:
    s = np.linspace(-1, 1, len(upper))
    outward = s * side
    weight = (0.30 + 0.70 * smoothstep(-1.0, 0.5, outward)) * (1 - np.abs(s) ** 5)
    thick = (0.016 + 0.013 * person.makeup) * unit * weight[:, None] * np.array([0.0, 1.0])
    wing = 0.030 * person.makeup * unit * smoothstep(0.6, 1.0, outward)[:, None]
    rise = thick + wing * np.array([-0.9 * side, 1.0])
    dark = np.array([0.012, 0.009, 0.009])
    canvas.paint(_closed(_shift(upper, -rise), _shift(upper, 0.25 * thick)), dark, 0.95, lit=0.3)
    thin = 0.0055 * unit * np.sin(np.linspace(0, np.pi, len(s)))[:, None] * np.array([0.0, 1.0])
    tone = linear(person.skin) * np.array([0.34, 0.24, 0.23])
    canvas.paint(_closed(_shift(lower, -thin), _shift(lower, thin)), tone, 0.6)


def _paint_brow(
    canvas: Canvas, person: Person, features: Features, index: int, unit: float
) -> None:
    top, bottom = features.brow_tops[index], features.brow_bottoms[index]
    color = linear(person.brow_color)
    canvas.paint(_closed(top, bottom), color, 0.70, 0.012 * unit, margin=0.14)
    rng = np.random.default_rng([person.texture_seed, index])
    fine = np.linspace(0, len(top) - 1, 4 * len(top))
    edges = [_ragged(edge, fine, rng, 0.22 * (bottom - top)) for edge in (top, bottom)]
    canvas.paint(_closed(*edges), color * 0.9, 0.65, margin=0.14)


def _ragged(
    edge: np.ndarray, places: np.ndarray, rng: np.random.Generator, across: np.ndarray
) -> np.ndarray:
    """Resample an edge (n, 3) at fractional places and fray it by up to `across` (n, 3)."""
    knots = np.arange(len(edge))
    resampled = np.stack([np.interp(places, knots, edge[:, axis]) for axis in range(3)], axis=-1)
    reach = np.stack([np.interp(places, knots, across[:, axis]) for axis in range(3)], axis=-1)
    return resampled + reach * rng.uniform(-1, 1, (len(places), 1))


def _paint_mouth(
    canvas: Canvas, person: Person, pose: Pose, features: Features, unit: float
) -> None:
    top, upper = features.lip_top, features.lip_upper
    lower, bottom = features.lip_lower, features.lip_bottom
    lips, skin = linear(person.lips), linear(person.skin)
    edge = _shift(bottom[4:-4], np.array([0.0, 0.018 * unit]))
    thin = np.array([0.0, 0.016 * unit])
    canvas.darken(_closed(edge, _shift(edge, thin)), np.array([0.82, 0.76, 0.75]), 0.012 * unit)
    soft = 0.006 * unit
    canvas.paint(_closed(top, upper), lips * 0.74, 0.92, soft, margin=0.08)
    canvas.paint(_closed(lower, bottom), lips * 0.98, 0.92, soft, margin=0.08)
    middle = 0.45 * lower[6:-6] + 0.55 * bottom[6:-6]
    height = 0.20 * (bottom[6:-6] - lower[6:-6])
    gleam = _closed(middle - height, middle + height)
    canvas.paint(gleam, np.minimum(lips * 1.5 + 0.05, 1), 0.42, 0.014 * unit, margin=0.08)
    _paint_open_mouth(canvas, pose, upper, lower, unit)
    line = 0.008 * unit * np.sin(np.linspace(0.15, np.pi - 0.15, len(upper)))[:, None]
    line = line * np.array([0.0, 1.0])
    seam = _closed(_shift(upper, -line), _shift(upper, line))
    canvas.paint(seam, lips * np.array([0.20, 0.13, 0.13]), 0.85, 0.003 * unit, margin=0.08)
    for end, direction in ((0, -1.0), (-1, 1.0)):
        spot = upper[end] + 0.014 * unit * direction * np.array([1.0, 0.0, 0.0])
        around = np.linspace(0, 2 * np.pi, 10, endpoint=False)
        outline = np.repeat(spot[None], 10, axis=0)
        outline[:, 0] += 0.020 * unit * np.cos(around)
        outline[:, 1] += 0.018 * unit * np.sin(around)
        canvas.darken(outline, 0.55 + 0.25 * skin, 0.012 * unit)


def _paint_open_mouth(
    canvas: Canvas, pose: Pose, upper: np.ndarray, lower: np.ndarray, unit: float
) -> None:
    gap = np.abs(lower[:, 1] - upper[:, 1]).max()
    if gap < 0.012 * unit:
        return
    outline = _closed(upper, lower)
    hole = fill_mask(outline, canvas.size)
    if hole is None:
        return
    canvas.paint(outline, np.array([0.045, 0.010, 0.012]), 1.0, lit=0.3, margin=0.2)
    down = np.array([0.0, 1.0])
    tongue = 0.45 * upper[4:-4] + 0.55 * lower[4:-4]
    tongue = _closed(tongue, _shift(lower[4:-4], 0.02 * unit * down))
    canvas.paint(tongue, np.array([0.36, 0.10, 0.10]), 0.85, 0.02 * unit, hole, 0.5, 0.2)
    inset = upper[3:-3]
    depth = 0.062 * unit * np.sin(np.linspace(0.35, np.pi - 0.35, len(inset)))[:, None]
    teeth = _closed(_shift(inset, -0.02 * unit * down), _shift(inset, depth * down))
    canvas.paint(teeth, np.array([0.80, 0.77, 0.72]), 1.0, 0.004 * unit, hole, 0.5, 0.2)
    shade = _closed(_shift(upper, -0.02 * unit * down), _shift(upper, 0.022 * unit * down))
    canvas.darken(shade, np.array([0.45, 0.40, 0.40]), 0.014 * unit, hole)
