"""Ears, and the rings that hang on them."""

import numpy as np

from drawn_heads.colors import linear
from drawn_heads.drawing.canvas import Canvas, rasterize
from drawn_heads.drawing.light import shade
from drawn_heads.drawing.surfaces import normals_of, with_depth
from drawn_heads.drawing.view import View
from drawn_heads.people import Person
from drawn_heads.scenes import Scene


def draw_ear(canvas: Canvas, view: View, person: Person, scene: Scene, side: int) -> None:
    """Draw the ear on `side` -1 (image-left) or 1, and its ring."""
    rest = build_ear(person, side)
    surface = view.turned(rest)
    patch = rasterize(view.camera.project(surface), canvas.size)
    if patch is not None:
        lit = shade(normals_of(surface), scene.light, (0.6, 0.45, 0.4))
        rings = np.linspace(0, 1, rest.shape[0])[:, None] + 0 * rest[..., 0]
        hollow = 0.5 * np.exp(-0.5 * (rings / 0.34) ** 2)
        tint = linear(person.skin) * (1 - hollow[..., None] * np.array([0.7, 0.9, 0.95]))
        tint = tint * np.array([1.0, 0.88, 0.86])
        values = patch.look_up(with_depth(tint * lit.diffuse + 0.5 * lit.rim, surface))
        key = patch.look_up(lit.key)
        canvas.merge(patch, values[..., :3], values[..., 3], key)
    if person.earrings != "none":
        _paint_ring(canvas, view, person, rest, side)


def _paint_ring(canvas: Canvas, view: View, person: Person, rest: np.ndarray, side: int) -> None:
    """Paint an earring below the lobe."""
    lobe = rest[-2, rest.shape[1] // 4 if side < 0 else -1 - rest.shape[1] // 4]
    around = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    width, height, drop = {
        "stud": (0.032, 0.032, -0.015),
        "hoop": (0.085, 0.085, 0.075),
        "drop": (0.028, 0.085, 0.085),
    }[person.earrings]
    outline = np.stack(
        [
            lobe[0] + 0.02 * side + 0.3 * width * np.cos(around) * side,
            lobe[1] + drop + height * np.sin(around),
            lobe[2] + 0.03 + width * np.cos(around),
        ],
        axis=-1,
    )
    color = linear(person.metal)
    if person.earrings == "hoop":
        inner = outline.mean(axis=0) + 0.78 * (outline - outline.mean(axis=0))
        outline = np.concatenate([outline, outline[:1], inner[:1], inner[::-1]])
    canvas.paint(view.project(outline), color * 0.8, 1.0, lit=0.4, margin=0.03)
    if person.earrings != "hoop":
        middle = outline.mean(axis=0)
        gleam = middle + 0.35 * (outline - middle) + np.array([0.0, -0.25 * height, 0.0])
        canvas.paint(view.project(gleam), np.ones(3), 0.8, lit=0.2, margin=0.03)


def build_ear(person: Person, side: int) -> np.ndarray:
    """Build one ear, a dished shell, on `side` -1 (image-left) or 1."""
    radius = np.linspace(0.02, 1.0, 7)[:, None]
    around = np.linspace(0, 2 * np.pi, 15)[None]
    size = person.ear_size
    egg = 1 - 0.20 * np.sin(around)
    outward = 0.135 * size * radius * egg * np.cos(around)
    down = 0.235 * size * radius * np.sin(around)
    rim = 0.05 * np.exp(-0.5 * ((radius - 0.78) / 0.16) ** 2) - 0.05 * (radius > 0.95)
    dish = rim - 0.03 * np.exp(-0.5 * (radius / 0.35) ** 2)
    x = person.face_width + 0.015 + 0.66 * outward + 0.75 * dish
    z = -0.06 - 0.80 * outward + 0.66 * dish + 0.05 * down
    y = 0.13 + down
    ear = np.stack([side * (x + 0 * y), y, z], axis=-1)
    return ear[:, ::-1] if side > 0 else ear
