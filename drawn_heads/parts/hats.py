"""Hats: caps, beanies and brimmed hats over the skull, headscarves and hoods around the face."""

from typing import NamedTuple

import cv2
import numpy as np

from drawn_heads.colors import linear
from drawn_heads.drawing.canvas import Canvas, rasterize
from drawn_heads.drawing.light import shade
from drawn_heads.drawing.noise import noise
from drawn_heads.drawing.surfaces import loft, normals_of, smoothstep, with_depth
from drawn_heads.drawing.view import View
from drawn_heads.parts.head import head_columns, head_knots
from drawn_heads.people import Person
from drawn_heads.scenes import Scene

CLOTHS = ("headscarf", "hood")
WRAP = (0.45, 0.42, 0.40)


class Hat(NamedTuple):
    """One surface of a hat in head space.

    `surface` is (rows, columns, 3); `cover` (rows, columns) is above 0 where there is cloth, in
    units of 10 cm from its edge; `accent` (rows, columns) 0..1 takes the second colour; `follow`
    (rows,) tells how far a row hangs with the body.
    """

    surface: np.ndarray
    cover: np.ndarray
    accent: np.ndarray
    follow: np.ndarray


def build_hat(person: Person) -> list[Hat]:
    """Build the surfaces of a person's hat; none for a bare head."""
    if person.hat == "none":
        return []
    if person.hat in CLOTHS:
        return [_cloth(person)]
    more = {"cap": [_visor], "brim": [_brim]}.get(person.hat, [])
    return [part(person) for part in (_dome, *more)]


def hat_line(person: Person, angles: np.ndarray) -> np.ndarray:
    """Return the height of the lower edge of a hat at every angle round the head."""
    front = {"cap": -0.42, "beanie": -0.38, "brim": -0.47}.get(person.hat, -0.60)
    drop = 0.09 if person.hat == "brim" else 0.16
    return front + drop * (1 - np.cos(angles))


def draw_hat(canvas: Canvas, view: View, person: Person, scene: Scene, parts: list[Hat]) -> None:
    """Draw the outside and the inside of a hat."""
    for part in parts:
        points = view.hang(part.surface, part.follow)
        inside = person.hat in ("cap", "brim", *CLOTHS)
        for facing in (-1, 1) if inside else (1,):
            _draw_side(canvas, view, person, scene, part, points, facing)


def _draw_side(
    canvas: Canvas,
    view: View,
    person: Person,
    scene: Scene,
    part: Hat,
    points: np.ndarray,
    facing: int,
) -> None:
    patch = rasterize(view.camera.project(points), canvas.size, facing)
    if patch is None:
        return
    normal = normals_of(points) * facing
    lit = shade(normal, scene.light, WRAP)
    light = (lit.diffuse + 0.4 * lit.rim) * (1.0 if facing > 0 else 0.45)
    values = patch.look_up(with_depth(light, points))
    more = np.concatenate([part.cover[..., None], part.accent[..., None], lit.key], axis=-1)
    cover, accent, key = cv2.split(patch.look_up(more))
    color, second = linear(person.hat_color), linear(person.hat_accent)
    tint = color + (second - color) * np.clip(accent, 0, 1)[..., None]
    weave = noise(person.texture_seed + 9, 64, 64, (0.8, 0.8))
    if person.hat == "beanie":
        knit = np.sin(patch.column * np.float32(4.4)) + 0.4 * np.sin(patch.row * np.float32(9))
        tint = tint * (1 + 0.14 * knit)[..., None]
    rough = 0.05 if person.hat in ("beanie", "hood") else 0.02
    tint = tint * (1 + rough * patch.texture(weave, 4.0, 5.0))[..., None]
    alpha = np.clip(cover * view.camera.unit * 0.7 + 0.5, 0, 1)
    edge = 0.72 + 0.28 * smoothstep(0.0, 0.06, cover)
    depth = values[..., 3] if facing > 0 else values[..., 3] - 0.02
    canvas.merge(patch, tint * values[..., :3] * edge[..., None], depth, key * (facing > 0), alpha)


def _dome(person: Person) -> Hat:
    """Build the crown of a hat around the skull, down to its band."""
    grow = {"cap": 0.075, "beanie": 0.085, "brim": 0.065}[person.hat]
    tall = {"cap": 0.10, "beanie": 0.12, "brim": 0.24}[person.hat]
    knots = head_knots(person)[:6]
    knots[:, 1] += grow * np.linspace(0.3, 1, 6)
    knots[1:, 2] += grow + 0.02
    knots[1:, 3] -= grow
    knots[:, 0] -= tall * np.array([1, 1, 0.9, 0.55, 0.2, 0.0])
    if person.hat == "brim":  # a flat top with steep sides
        knots[1:3, 1] += (0.20, 0.12)
        knots[1:3, 2] += (0.24, 0.14)
        knots[1:3, 3] -= (0.26, 0.12)
    lift = {"cap": -0.12, "beanie": -0.20, "brim": -0.14}[person.hat]
    knots[3:, 4] = lift * np.array([0.4, 1, 1])
    places = np.linspace(0, 5, 16)
    surface = loft(knots, places, head_columns()[::2], 1.0)
    cover = hat_line(person, head_columns()[::2])[None] - surface[..., 1]
    low, high = {"cap": (0.0, 0.0), "beanie": (-0.1, 0.16), "brim": (0.04, 0.22)}[person.hat]
    accent = ((cover > low) & (cover < high)).astype(float)
    return Hat(surface, cover, accent, np.zeros(len(surface)))


def _visor(person: Person) -> Hat:
    """Build the visor of a cap."""
    reach = np.linspace(0.0, 1.0, 6)[:, None]
    angle = np.radians(np.linspace(-66, 66, 21))[None]
    wide, front = person.face_width + 0.09, 0.90
    out = 0.46 * reach * np.cos(angle) ** 0.8
    x = wide * np.sin(angle) * (1 + 0.04 * reach)
    z = front * np.cos(angle) + out
    y = -0.47 + 0.10 * np.sin(angle) ** 2 + 0.10 * reach + 0.10 * reach * np.sin(angle) ** 2
    surface = np.stack([x + 0 * z, y + 0 * z, z], axis=-1)
    return Hat(surface, np.ones(surface.shape[:2]), np.ones(surface.shape[:2]), np.zeros(6))


def _brim(person: Person) -> Hat:
    """Build the brim that runs all round a hat."""
    reach = np.linspace(0.0, 1.0, 5)[:, None]
    angle = np.linspace(-np.pi, np.pi, 41)[None]
    wide = 0.34 + 0.14 * (person.texture_seed % 3) / 2
    x = (person.face_width + 0.05 + wide * reach) * np.sin(angle)
    z = -0.10 + (0.97 + wide * reach) * np.cos(angle)
    y = hat_line(person, angle) + 0.10 * reach * np.cos(angle) - 0.10 * reach * np.sin(angle) ** 2
    surface = np.stack([x, y, z], axis=-1)
    return Hat(surface, np.ones(surface.shape[:2]), np.zeros(surface.shape[:2]), np.zeros(5))


def _cloth(person: Person) -> Hat:
    """Build a cloth around head and neck, with an opening for the face."""
    p, hood = person, person.hat == "hood"
    loose = 0.14 if hood else 0.035
    skull = head_knots(p)[:6]
    skull[:, 1] += loose * np.linspace(0.5, 1, 6)
    skull[:, 2] += 0.03 + 0.10 * hood
    skull[1:, 3] -= loose + 0.02
    skull[:, 0] -= (0.03 + 0.11 * hood) * np.linspace(1, 0, 6)
    w, c = p.face_width + loose, p.chin_y
    cheek, jaw = max(w - 0.04, p.jaw_width + 0.16), max(w - 0.13, p.jaw_width + 0.10)
    fall = np.array(
        [
            (0.25, w + 0.02, 0.80, -1.0 - loose, 0.0, 0.93),
            (0.62, cheek, 0.80, -0.98 - loose, 0.0, 0.95),
            (c - 0.12, jaw, 0.86, -0.92 - loose, 0.0, 1.0),
            (c + 0.08, jaw - 0.04, 0.76, -0.90 - loose, 0.0, 1.0),
            (c + 0.28, w - 0.10, 0.56, -0.95, 0.0, 0.95),
            (c + 0.46, 1.05 * p.shoulders, 0.72, -1.0, 0.0, 0.93),
            (c + 0.75, 1.45 * p.shoulders, 0.84, -1.02, 0.0, 0.93),
            (c + 1.15, 1.62 * p.shoulders, 0.88, -1.04, 0.0, 0.93),
        ]
    )
    knots = np.concatenate([skull, fall])
    places = np.linspace(0, len(knots) - 1, 38)
    angles = head_columns()
    surface = loft(knots, places, angles, 1.0)
    x, y, ahead = surface[..., 0], surface[..., 1], np.cos(angles)[None] > 0
    top, low = p.brow_y - (0.42 if hood else 0.24), c + (0.10 if hood else -0.02)
    middle, half = 0.5 * (top + low), 0.5 * (low - top)
    wide = (0.78 if hood else 0.63) * (p.face_width / 0.765)
    around = (np.abs(x) / wide) ** 2.2 + (np.abs(y - middle) / half) ** 2.2
    cover = np.where(ahead, 0.30 * (around ** (1 / 2.2) - 1), 1.0)
    pleats = np.sin(11 * angles[None] + 5 * y + p.texture_seed % 6)
    depth = 0.010 + 0.035 * smoothstep(0.7, 1.2, y) * smoothstep(0.0, 0.1, cover)
    depth = depth * smoothstep(0.0, 2.0, places)[:, None]  # none at the pole
    surface += normals_of(surface) * (depth * pleats)[..., None]
    accent = smoothstep(0.05, 0.03, cover) * (0.6 if hood else 0.0)
    follow = smoothstep(0.95, 1.75, y.mean(axis=1)) * 0.9
    return Hat(surface, cover, accent, follow)
