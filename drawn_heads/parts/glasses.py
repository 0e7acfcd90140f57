"""Glasses: rims of many shapes, thick and thin, clear and dark."""

from typing import NamedTuple

import numpy as np

from drawn_heads.colors import linear
from drawn_heads.drawing.canvas import Canvas
from drawn_heads.drawing.view import View
from drawn_heads.parts.hats import CLOTHS
from drawn_heads.people import Person
from drawn_heads.scenes import Scene

RIM = 0.028  # thickness of a rim, units of 10 cm, times `glasses_rim`


class Lens(NamedTuple):
    """The outline of a lens: half its width and height, how round it is, and its slants."""

    wide: float
    tall: float
    power: float
    """1 is an ellipse, smaller is nearer to a rectangle."""
    wing: float = 0.0
    """How much the outer top corner rises, units of 10 cm."""
    sag: float = 0.0
    """How much the outer bottom corner hangs, units of 10 cm."""


LENSES = {
    "round": Lens(0.215, 0.200, 1.0),
    "square": Lens(0.240, 0.165, 0.55),
    "oval": Lens(0.225, 0.140, 0.95),
    "cat eye": Lens(0.235, 0.160, 0.72, wing=0.075),
    "half rim": Lens(0.235, 0.155, 0.60),
    "aviator": Lens(0.245, 0.200, 0.78, sag=0.05),
    "large": Lens(0.270, 0.225, 0.75),
}


def paint_glasses(canvas: Canvas, view: View, person: Person, scene: Scene) -> None:
    """Paint a person's glasses, if any."""
    if person.glasses == "none":
        return
    p, lens = person, LENSES[person.glasses]
    color = linear(p.glasses_color)
    rim = RIM * p.glasses_rim
    for side in (-1, 1):
        inner, outer = (_outline(p, lens, side, grow) for grow in (0.0, rim))
        _paint_lens(canvas, view, p, scene, inner, side)
        band = np.concatenate([outer, outer[:1], inner[:1], inner[::-1]])
        if p.glasses == "half rim":
            top = np.arange(19, 41) % 40
            band = np.concatenate([outer[top], inner[top][::-1]])
        canvas.paint(view.project(band), color, 1.0, lit=0.35, margin=0.22)
        if p.hat not in CLOTHS:
            _paint_temple(canvas, view, p, lens, side, max(rim, 0.016))
    s = np.linspace(-1, 1, 9)
    x = s * (p.eye_x - lens.wide * 0.98)
    y = p.eye_y - 0.02 - 0.03 * (1 - s * s)
    arch = np.stack([x, y, np.full(9, 0.90)], axis=-1)
    half = np.array([0.0, 0.5 * rim + 0.004, 0.0])
    bridge = np.concatenate([arch - half, (arch + half)[::-1]])
    canvas.paint(view.project(bridge), color, 1.0, margin=0.25)


def _outline(person: Person, lens: Lens, side: int, grow: float) -> np.ndarray:
    around = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    cosine, sine = np.cos(around), np.sin(around)
    across = np.sign(cosine) * np.abs(cosine) ** lens.power
    down = np.sign(sine) * np.abs(sine) ** lens.power
    outward = np.clip(across * side, 0, 1)
    x = side * (person.eye_x + 0.012) + (lens.wide + grow) * across
    y = person.eye_y + 0.03 + (lens.tall + grow) * down
    y = y - lens.wing * outward * np.clip(-down, 0, 1) + lens.sag * outward * np.clip(down, 0, 1)
    return np.stack([x, y, 0.86 - 0.16 * x * x], axis=-1)


def _paint_lens(
    canvas: Canvas, view: View, person: Person, scene: Scene, inner: np.ndarray, side: int
) -> None:
    glass = view.project(inner)
    dark = person.glasses_tint
    tone = linear(person.glasses_color) * 0.35 + np.array([0.010, 0.012, 0.014])
    if dark > 0.2:
        canvas.paint(glass, tone, dark, lit=0.3, margin=0.3)
    middle = glass.mean(axis=0)
    toward = np.sign(scene.light.direction[0])
    corners = [22, 25, 31, 28] if toward < 0 else [38, 35, 29, 32]
    glint = glass[corners] * 0.8 + middle * 0.2
    bright = np.minimum(np.array(scene.light.key), 1.0)
    canvas.paint(glint, bright, 0.08 + 0.16 * dark + 0.10 * scene.light.hardness, 1.0, None, 0, 0.3)
    strip = glass[[5, 8, 12, 10]] * 0.85 + middle * 0.15
    canvas.paint(strip, bright, 0.05 + 0.10 * dark, 1.0, None, 0, 0.3)


def _paint_temple(
    canvas: Canvas, view: View, person: Person, lens: Lens, side: int, thick: float
) -> None:
    """Paint the bar from the rim to the ear."""
    p = person
    end_x = side * (p.eye_x + 0.012 + lens.wide * 1.05)
    x = np.array([end_x, side * (p.face_width + 0.055), side * (p.face_width + 0.035)])
    z = np.array([0.86 - 0.16 * end_x**2, 0.45, -0.05])
    y = p.eye_y + np.array([-0.03, -0.03, -0.02])
    bar = np.stack([x, y, z], axis=-1)
    half = np.array([0.0, 0.75 * thick, 0.0])
    for first in (0, 1):
        piece = bar[first : first + 2]
        outline = np.concatenate([piece - half, (piece + half)[::-1]])
        canvas.paint(view.project(outline), linear(p.glasses_color), 1.0, margin=0.0)
