"""Beards in many forms, from the shadow after shaving to a full one that stands off the skin."""

import cv2
import numpy as np

from drawn_heads.colors import linear
from drawn_heads.drawing.canvas import Canvas, rasterize
from drawn_heads.drawing.light import shade
from drawn_heads.drawing.noise import noise
from drawn_heads.drawing.surfaces import bump, normals_of, smoothstep, with_depth
from drawn_heads.drawing.view import View
from drawn_heads.parts.head import Head
from drawn_heads.people import Person
from drawn_heads.scenes import Scene

DENSITY = {"stubble": 0.50, "short": 0.80}
FIRST_ROW = 22  # of the head's surface, below the ears


def draw_full_beard(canvas: Canvas, view: View, person: Person, scene: Scene, head: Head) -> None:
    """Draw the volume of a full beard over the skin on which `grow_beard` has painted it."""
    if person.beard != "full":
        return
    x, y = head.rest[FIRST_ROW:, :, 0], head.rest[FIRST_ROW:, :, 1]
    cover = _all_over(person, x, y)
    rest = head.surface[FIRST_ROW:]
    low = smoothstep(person.mouth_y, person.chin_y, y) * cover
    thick = (0.03 + 0.05 * person.beard_length) * smoothstep(0.45, 1.0, cover)
    shell = rest + normals_of(rest) * thick[..., None]
    shell[..., 1] += (0.03 + 0.30 * person.beard_length) * low * smoothstep(-0.2, 0.5, rest[..., 2])
    points = view.turned(shell)
    patch = rasterize(view.camera.project(points), canvas.size)
    if patch is None:
        return
    lit = shade(normals_of(points), scene.light, (0.4, 0.36, 0.34))
    light = patch.look_up(with_depth(lit.diffuse + 0.2 * lit.rim, points))
    cover, key = cv2.split(patch.look_up(np.stack([cover, lit.key[..., 0]], axis=-1)))
    hairs = patch.texture(noise(person.texture_seed, 64, 240, (0.9, 9.0)), 4.0, 2.0)
    alpha = np.clip((cover - 0.45 + 0.10 * hairs) * 6.0, 0, 1)
    tint = linear(person.hair) * np.clip(1 + 0.16 * hairs, 0.4, 1.8)[..., None]
    canvas.merge(patch, tint * light[..., :3], light[..., 3], key, alpha)


def grow_beard(
    person: Person, color: np.ndarray, gloss: np.ndarray, x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Cover skin colour (..., 3) and gloss (...) at x, y of the face plane with a beard."""
    p = person
    if p.shadow_of_beard > 0:
        shadow = 0.6 * p.shadow_of_beard * _all_over(p, x, y)
        color = color * (1 - shadow[..., None] * np.float32([0.34, 0.27, 0.20]))
    if p.beard == "none":
        return color, gloss
    grown = {
        "moustache": _moustache,
        "goatee": _goatee,
        "circle": lambda *at: np.maximum(_moustache(*at), _goatee(*at)),
        "chin strap": _chin_strap,
    }.get(p.beard, _all_over)(p, x, y)
    hairs = noise(p.texture_seed, *x.shape, (0.9, 2.0))
    specks = noise(p.texture_seed + 7, *x.shape, (0.9, 0.8))
    edge = 0.10 if p.beard in DENSITY else 0.15
    cover = smoothstep(0.15, 0.75, grown + edge * hairs * (grown > 0.02))
    if p.beard == "stubble":
        cover *= np.clip(0.85 + 0.28 * specks, 0.2, 1.3)
    cover *= DENSITY.get(p.beard, 0.94)
    hair = linear(p.hair) * (1.0 + 0.16 * hairs + 0.10 * specks)[..., None]
    return color + (hair - color) * cover[..., None], gloss * (1 - 0.75 * cover)


def _moustache(person: Person, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    droop = 0.25 * np.abs(x) ** 2
    return bump(np.abs(x), y - droop, (0.11, person.mouth_y - 0.115), (0.13, 0.042)) * 1.15


def _goatee(person: Person, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    p = person
    ring = (x / (p.mouth_width + 0.02)) ** 4 + ((y - p.mouth_y - 0.13) / 0.31) ** 4
    hole = (x / (p.mouth_width * 0.88)) ** 4 + ((y - p.mouth_y - 0.01) / 0.078) ** 4
    return smoothstep(1.35, 0.60, ring) * smoothstep(0.55, 1.30, hole)


def _all_over(person: Person, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    side, p = np.abs(x), person
    line = np.interp(side, (0.0, 0.18, 0.34, 0.50, 0.62, 0.70), (0.62, 0.60, 0.66, 0.52, 0.20, 0.0))
    cover = smoothstep(-0.03, 0.13, y - line.astype(np.float32))
    lips = bump(x, y, (0, p.mouth_y), (p.mouth_width * 0.72, 0.055))
    bare = bump(x, y, (0, p.mouth_y + 0.12), (0.06, 0.04)) * 0.4
    return np.maximum(_moustache(p, x, y), _ahead(x, y) * cover * (1 - 0.9 * lips) * (1 - bare))


def _chin_strap(person: Person, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return a narrow beard along the jaw."""
    side = np.abs(x)
    line = np.interp(side, (0.0, 0.30, 0.50, 0.60, 0.70), (0.99, 0.96, 0.74, 0.40, 0.05))
    return _ahead(x, y) * smoothstep(-0.02, 0.05, y - line.astype(np.float32))


def _ahead(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Leave out the nape: a column that lies behind the ears, where the face is widest."""
    middle = x.shape[1] // 2
    column = np.abs(np.arange(x.shape[1]) - middle) / middle
    return np.broadcast_to(smoothstep(0.76, 0.69, column), x.shape)
