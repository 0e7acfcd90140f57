"""The skin of a person as a picture that lies on the head: tone, texture, marks, folds, beard."""

import functools

import cv2
import numpy as np

from drawn_heads.colors import linear
from drawn_heads.drawing.noise import noise
from drawn_heads.drawing.surfaces import bump, loft, smoothstep
from drawn_heads.parts.beards import grow_beard
from drawn_heads.parts.folds import Folds, fold_lines
from drawn_heads.parts.head import COLUMNS, ROWS, head_columns, head_knots, head_places
from drawn_heads.people import Person

DETAIL = 6  # texels for every row and column of the head's surface
KEPT = 16  # people


@functools.lru_cache(KEPT)
def skin_map(person: Person) -> np.ndarray:
    """Paint linear skin colour and gloss, (rows, columns, 4) float32, read-only."""
    x, y, front, below = _places(person)
    color = np.broadcast_to(linear(person.skin), (*x.shape, 3)).copy()
    gloss = _gloss(person, x, y) * (1 - 0.7 * below)
    color *= 1 - _redness(person, x, y, front)[..., None] * np.float32([0.02, 0.24, 0.21])
    color *= 1 - _hollows(person, x, y, front, below)[..., None] * np.float32([0.75, 0.92, 0.95])
    color = _texture(person, color, x, y)
    gloss *= 1 + 0.16 * person.pores * noise(person.texture_seed + 4, *x.shape, (1.3, 0.9))
    color *= 1 - _spots(person, x, y)[..., None] * np.float32([0.55, 0.80, 0.95])
    if person.makeup > 0.1:
        color = _make_up(person, color, x, y)
    folds = _folds(person)
    color *= (1 + person.wrinkles * folds.always)[..., None]
    color, gloss = grow_beard(person, color, gloss, x, y)
    painted = np.dstack([color, gloss]).astype(np.float32)
    painted.flags.writeable = False
    return painted


@functools.lru_cache(KEPT)
def crease_map(person: Person) -> np.ndarray:
    """Paint the folds of a smile and of lifted brows, (rows, columns, 2) float32, read-only."""
    folds = _folds(person)
    depth = 0.20 + 0.75 * person.wrinkles
    creases = np.dstack([folds.smile, folds.brows]).astype(np.float32) * np.float32(depth)
    creases.flags.writeable = False
    return creases


def _places(person: Person) -> tuple[np.ndarray, ...]:
    """Return x and y of every texel at rest, how far it faces the front, and lies below the jaw."""
    rest = loft(head_knots(person), head_places(), head_columns(), person.jaw_roundness)
    row, column = np.mgrid[: (ROWS - 1) * DETAIL + 1, : (COLUMNS - 1) * DETAIL + 1] / DETAIL
    row, column = row.astype(np.float32), column.astype(np.float32)
    values = np.dstack(
        [
            rest[..., :2],
            np.broadcast_to(np.clip(np.cos(head_columns()), 0, 1), rest.shape[:2]),
            np.broadcast_to(smoothstep(10.2, 11.6, head_places())[:, None], rest.shape[:2]),
        ]
    ).astype(np.float32)
    return cv2.split(cv2.remap(values, column, row, cv2.INTER_LINEAR))


def _folds(person: Person) -> Folds:
    x, y, front, _ = _places(person)
    return Folds(*(part * front for part in fold_lines(person, x, y)))


def _gloss(person: Person, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    p = person
    gloss = 0.55 + 0.5 * bump(x, y, (0, p.nose_length), (0.1, 0.2))
    gloss += 0.25 * bump(x, y, (0, p.brow_y - 0.22), (0.3, 0.12))
    gloss += 0.20 * bump(np.abs(x), y, (0.40, 0.25), (0.12, 0.10))
    return gloss * p.shine


def _redness(person: Person, x: np.ndarray, y: np.ndarray, front: np.ndarray) -> np.ndarray:
    p, side = person, np.abs(x)
    red = 0.9 * p.blush * bump(side, y, (0.40, 0.36), (0.15, 0.13))
    red += (0.30 + 0.4 * p.blush) * bump(x, y, (0.0, p.nose_length), (0.12, 0.08))
    red += 0.25 * p.blush * bump(x, y, (0.0, p.chin_y - 0.08), (0.14, 0.08))
    return red * front


def _hollows(
    person: Person, x: np.ndarray, y: np.ndarray, front: np.ndarray, below: np.ndarray
) -> np.ndarray:
    """Return the shade where little light comes: sockets, under eyes, nose, lips and jaw."""
    p, side = person, np.abs(x)
    shade = 0.20 * bump(side, y, (p.eye_x - 0.02, p.eye_y - 0.05), (0.16, 0.085))
    tired = 0.08 + 0.14 * p.wrinkles + 0.10 * p.moles
    shade += tired * bump(side, y, (p.eye_x, p.eye_y + 0.12), (0.12, 0.035))
    shade += 0.24 * bump(x, y, (0.0, p.nose_length + 0.12), (0.14, 0.035))
    shade += 0.18 * bump(x, y, (0.0, p.mouth_y + 0.17), (0.13, 0.04))
    gaunt = 0.10 * p.wrinkles + 0.12 * max(0.0, 0.5 - p.cheeks)
    shade += gaunt * bump(side, y, (0.52, 0.55), (0.10, 0.16))
    return shade * front + 0.38 * below


def _texture(person: Person, color: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Vary the tone in patches and pores, as no skin is of one colour."""
    seed, shape = person.texture_seed, x.shape
    patches = noise(seed + 2, *shape, (22.0, 14.0)) + 0.8 * noise(seed + 3, *shape, (6.0, 4.0))
    patches *= 0.018 + 0.014 * person.pores
    pores = noise(seed + 4, *shape, (1.3, 0.9)) * (0.012 + 0.030 * person.pores)
    pores *= 0.5 + bump(np.abs(x), y, (0.25, 0.35), (0.25, 0.25))
    tint = patches[..., None] * np.float32([0.6, 1.3, 1.3]) + pores[..., None]
    return color * (1 + tint)


def _spots(person: Person, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return how strong freckles, age spots and moles are, 0..1."""
    p, seed = person, person.texture_seed
    spots = np.zeros_like(x)
    if p.freckles > 0:
        where = bump(np.abs(x), y, (0.26, 0.28), (0.22, 0.14)) + 0.25
        grain = noise(seed + 1, *x.shape, (2.2, 1.5))
        spots += np.minimum(0.75 * p.freckles * where, 0.5) * smoothstep(1.0, 2.0, grain)
    if p.age > 60:
        grain = noise(seed + 5, *x.shape, (5.0, 3.5))
        spots += 0.30 * smoothstep(60, 80, p.age) * smoothstep(1.7, 2.4, grain)
    rng = np.random.default_rng([seed, 6])
    for _ in range(int(5 * p.moles)):
        place = rng.uniform(-0.55, 0.55), rng.uniform(-0.5, 0.95)
        radius = rng.uniform(0.008, 0.018)
        away = np.hypot(x - place[0], y - place[1])
        mole = rng.uniform(0.5, 0.9) * smoothstep(1.5 * radius, radius / 2, away)
        spots = np.maximum(spots, mole)
    return np.clip(spots, 0, 1)


def _make_up(person: Person, color: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    p, side = person, np.abs(x)
    lid = bump(side, y, (p.eye_x + 0.02, p.eye_y - 0.09), (0.14, 0.05)) * (0.5 * p.makeup)
    color = color + (linear(p.eyeshadow) * color.mean() * 3 - color) * (0.5 * lid)[..., None]
    rouge = 0.45 * p.makeup * bump(side, y, (0.44, 0.32), (0.13, 0.08))
    return color * (1 - rouge[..., None] * np.float32([0.02, 0.40, 0.28]))
