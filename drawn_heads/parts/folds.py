"""Folds of the skin: what age leaves for ever, and what a smile and lifted brows call forth."""

from typing import NamedTuple

import numpy as np

from drawn_heads.drawing.surfaces import smoothstep
from drawn_heads.people import Person


class Folds(NamedTuple):
    """How much lighter, above 0, or darker folds make the skin; arrays of equal shape."""

    always: np.ndarray
    smile: np.ndarray
    brows: np.ndarray


def fold_lines(person: Person, x: np.ndarray, y: np.ndarray) -> Folds:
    """Return the folds at the places x, y of the face plane, units of 10 cm."""
    forehead, frown = _forehead(person, x, y), _frown(person, x, y)
    crow, mouth, bags = _crow_feet(person, x, y), _beside_mouth(person, x, y), _bags(person, x, y)
    return Folds(
        always=0.32 * forehead + 0.25 * frown + 0.28 * crow + 0.34 * mouth + 0.24 * bags,
        smile=0.45 * crow + 0.60 * mouth + 0.25 * bags,
        brows=0.50 * forehead,
    )


def _line(distance: np.ndarray, width: float) -> np.ndarray:
    """Return a dark line with a lighter edge on the side where `distance` is above 0."""
    dark = np.exp(-0.5 * (distance / width) ** 2)
    return 0.45 * np.exp(-0.5 * ((distance - 2.0 * width) / width) ** 2) - dark


def _within(values: np.ndarray, low: float, high: float, soft: float) -> np.ndarray:
    return smoothstep(low - soft, low + soft, values) * smoothstep(high + soft, high - soft, values)


def _forehead(person: Person, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    top, bottom = person.hairline + 0.12, person.brow_y - 0.13
    lines = np.zeros_like(x)
    phase = person.texture_seed % 6
    for number, share in enumerate((0.15, 0.45, 0.78)):
        curve = top + (bottom - top) * share + 0.014 * np.sin(5 * x + phase + 2 * number)
        lines += _line(y - curve + 0.05 * x * x, 0.013) * _within(x, -0.34, 0.34, 0.12)
    return lines


def _frown(person: Person, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    upright = _within(y, person.brow_y - 0.06, person.brow_y + 0.07, 0.04)
    return _line(np.abs(x) - 0.05, 0.012) * upright


def _crow_feet(person: Person, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    out = np.abs(x) - person.eye_x - person.eye_width
    lines = np.zeros_like(x)
    for slope in (-0.55, 0.0, 0.55):
        lines += _line(y - person.eye_y - 0.01 - slope * (out + 0.03), 0.010)
    return lines * _within(out, 0.045, 0.13, 0.03)


def _beside_mouth(person: Person, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    p = person
    top, bottom = p.nose_length + 0.02, p.mouth_y + 0.10
    share = np.clip((y - top) / (bottom - top), 0, 1)
    curve = p.nose_width + 0.015 + (p.mouth_width + 0.06 - p.nose_width) * share**0.8
    return _line(np.abs(x) - curve, 0.020) * _within(y, top + 0.02, bottom, 0.05)


def _bags(person: Person, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    p = person
    across = (np.abs(x) - p.eye_x + 0.02) / p.eye_width
    curve = p.eye_y + 0.62 * p.eye_height + 0.075 - 0.05 * across * across
    return _line(y - curve, 0.014) * _within(across, -0.7, 0.75, 0.25)
