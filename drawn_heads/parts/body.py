"""Neck, shoulders and clothes."""

import cv2
import numpy as np

from drawn_heads.colors import linear
from drawn_heads.drawing.canvas import Canvas, rasterize
from drawn_heads.drawing.light import shade
from drawn_heads.drawing.surfaces import loft, normals_of, smoothstep, spline, with_depth
from drawn_heads.drawing.view import View
from drawn_heads.people import Person
from drawn_heads.scenes import Scene

# Where clothes begin, in rings of the body: at the sides, how much lower in front, how wide.
COLLARS = {
    "crew": (4.15, 0.55, 0.30),
    "v": (4.10, 2.2, 0.17),
    "shirt": (3.75, 1.3, 0.12),
    "turtleneck": (2.35, 0.0, 1.0),
    "suit": (3.72, 0.45, 0.14),
    "jacket": (4.10, 0.60, 0.28),
}
SHIRT = np.array([0.80, 0.80, 0.82], np.float32)


def draw_body(canvas: Canvas, view: View, person: Person, scene: Scene) -> None:
    """Draw neck, shoulders and clothes."""
    rest, follow, knots = build_body(person)
    surface = view.hang(rest, follow)
    patch = rasterize(view.camera.project(surface), canvas.size)
    if patch is None:
        return
    lit = shade(normals_of(surface), scene.light, (0.5, 0.4, 0.35))
    chin = 1 - 0.55 * smoothstep(1.75, 1.02, rest[..., 1:2])
    bare = linear(person.skin) * chin * lit.diffuse + 0.4 * lit.rim
    values = patch.look_up(with_depth(bare, surface))
    light = patch.look_up(with_depth(lit.diffuse + 0.4 * lit.rim, rest))
    places = np.concatenate([rest[..., :1], knots[..., None], lit.key], axis=-1)
    x, knot, key = cv2.split(patch.look_up(places))
    skin, light, front = values[..., :3], light[..., :3], light[..., 3] > -0.25
    height, dip, width = COLLARS[scene.collar]
    line = height + np.float32(dip) * np.exp(np.float32(-0.5 / width**2) * x * x) * front
    sharp = view.camera.unit * 0.13
    cloth = np.clip((knot - line) * sharp + 0.5, 0, 1)
    band = np.clip((line + 0.40 - knot) * sharp + 0.5, 0, 1) * cloth
    shadow = 1 - 0.35 * np.exp(-0.5 * ((knot - line - 0.05) / 0.14) ** 2) * (cloth < 0.9)
    dress = _cloth(scene, x, knot) * (1 - 0.10 * band)[..., None]
    if scene.collar in ("crew", "shirt"):
        dress = dress + (linear(scene.clothes_accent) - dress) * (band * 0.8)[..., None]
    if scene.collar in ("suit", "jacket"):
        dress = _open_front(scene, dress, x, knot, front, sharp)
    skin = skin * shadow[..., None]
    color = skin + (dress * light - skin) * cloth[..., None]
    canvas.merge(patch, color.astype(np.float32), values[..., 3] - 0.10, key)


def _cloth(scene: Scene, x: np.ndarray, knot: np.ndarray) -> np.ndarray:
    """Return the linear colour of plain, striped or chequered cloth, (h, w, 3)."""
    color, accent = linear(scene.clothes), linear(scene.clothes_accent)
    if scene.pattern == "plain":
        return np.broadcast_to(color, (*x.shape, 3))
    amount = smoothstep(-0.35, 0.35, np.sin(knot * np.float32(15)))
    if scene.pattern == "checks":
        amount = 0.5 * amount + 0.5 * smoothstep(-0.35, 0.35, np.sin(x * np.float32(26)))
    return color + (accent - color) * (0.75 * amount)[..., None]


def _open_front(
    scene: Scene,
    dress: np.ndarray,
    x: np.ndarray,
    knot: np.ndarray,
    front: np.ndarray,
    sharp: float,
) -> np.ndarray:
    """Show the shirt, and the tie of a suit, between lapels."""
    edge = np.abs(x) - (0.40 - 0.155 * (knot - 4.0))
    shirt = np.clip(-edge * sharp * 2.5 + 0.5, 0, 1) * front
    lapel = np.exp(-0.5 * ((edge - 0.02) / 0.02) ** 2) * front
    inner = SHIRT if scene.collar == "suit" else linear(scene.clothes_accent)
    dress = dress * (1 - 0.55 * lapel[..., None])
    dress = dress + (inner - dress) * shirt[..., None]
    if scene.collar == "suit":
        half = 0.055 + 0.03 * np.clip(knot - 4.6, 0, 1)
        tie = np.clip((half - np.abs(x)) * sharp * 2.5 + 0.5, 0, 1) * front * (knot > 4.05)
        color = linear(scene.clothes_accent) * 0.8
        dress = dress + (color - dress) * tie[..., None]
    return dress


def build_body(person: Person) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Build neck and shoulders.

    Returns:
        The surface (rows, columns, 3), how far each row follows the body (rows,) 0..1, and the
        number of every point's ring (rows, columns), by which collars are cut.
    """
    n, wide = person.neck_width, person.shoulders
    knots = np.array(
        [
            (-0.15, n * 1.15, 0.10, -0.84, 0.0, 0.93),
            (0.45, n * 1.02, 1.05 * n - 0.33, -0.33 - 1.08 * n, 0.0, 0.93),
            (1.00, n, 1.08 * n - 0.34, -0.36 - n, 0.0, 0.93),
            (1.32, n * 1.06, 1.25 * n - 0.34, -0.40 - n, 0.0, 0.93),
            (1.50, n * 1.35, 0.36, -0.90, 0.05, 0.93),
            (1.60, 0.98 * wide, 0.52, -0.92, 0.05, 0.93),
            (1.74, 1.36 * wide, 0.64, -0.95, 0.05, 0.93),
            (2.00, 1.56 * wide, 0.72, -0.95, 0.0, 0.93),
            (3.00, 1.62 * wide, 0.76, -0.95, 0.0, 0.93),
        ]
    )
    places = np.concatenate([np.linspace(0, 3, 6), np.linspace(3.25, 7.2, 15)])
    surface = loft(knots, places, np.linspace(-np.pi, np.pi, 37), 1.0)
    follow = smoothstep(0.55, 1.50, spline(knots, places)[:, 0])
    return surface, follow, np.repeat(places[:, None], surface.shape[1], axis=1)
