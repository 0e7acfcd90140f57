"""Draw hair: strands, sheen, ragged edges, and its shade on the skin below."""

import cv2
import numpy as np

from drawn_heads.colors import linear
from drawn_heads.drawing.canvas import Canvas, Patch, rasterize
from drawn_heads.drawing.light import shade, strand_shine
from drawn_heads.drawing.noise import noise
from drawn_heads.drawing.surfaces import normals_of, smoothstep, with_depth
from drawn_heads.drawing.view import View
from drawn_heads.parts.hair import LONG_STYLES, PULLED_BACK, Hair, build_knot
from drawn_heads.parts.head import head_columns
from drawn_heads.people import Person
from drawn_heads.scenes import Scene

WRAP = (0.35, 0.33, 0.32)
CURLY = ("afro", "curls")


def draw_inner_hair(
    canvas: Canvas, view: View, person: Person, hair: Hair, points: np.ndarray, yaw: float
) -> None:
    """Draw the inside of hair that hangs behind the neck, in shade."""
    seen = _inside_seen(person, yaw)
    patch = rasterize(view.camera.project(points[:, seen]), canvas.size, -1)
    if patch is None:
        return
    strands, fine = _strands(person, patch)
    values = patch.look_up(np.stack([hair.cover[:, seen], points[:, seen, 2]], axis=-1))
    alpha = np.clip((values[..., 0] + 0.022 * strands) / 0.018, 0, 1)
    color = linear(person.hair) * 0.16 * (1 + 0.1 * fine[..., None])
    canvas.merge(patch, color, values[..., 1] - 5.0, np.zeros_like(alpha), alpha)


def draw_hair(
    canvas: Canvas,
    view: View,
    person: Person,
    scene: Scene,
    hair: Hair,
    points: np.ndarray,
    patch: Patch | None,
) -> None:
    """Draw the outside of hair, and its knot or tail."""
    if person.hair_style in PULLED_BACK:
        _draw_knot(canvas, view, person, scene)
    if patch is None:
        return
    style, base = person.hair_style, linear(person.hair)
    lit = shade(normals_of(points), scene.light, WRAP)
    values = patch.look_up(with_depth(base * lit.diffuse + 0.25 * lit.rim, points))
    glow = strand_shine(_strand_directions(points), scene.light)
    more = np.concatenate([hair.cover[..., None], glow[..., None], lit.key], axis=-1)
    cover, glow, key = cv2.split(patch.look_up(more))
    strands, fine = _strands(person, patch)
    cover = cover + 0.022 * strands
    alpha = np.clip(cover / (0.045 if style == "buzz" else 0.018), 0, 1)
    if style == "buzz":
        alpha = alpha * 0.85
    inner = smoothstep(0.0, 0.12, cover)
    tint = (1 + 0.13 * strands + 0.10 * fine) * (0.62 + 0.38 * inner)
    color = values[..., :3] * np.clip(tint, 0.3, 1.7)[..., None]
    strength = 0.06 if style == "buzz" or style in CURLY else 0.20
    glow = glow * np.clip(0.55 + 0.5 * strands, 0, 1.5) * (strength * inner)
    bright = np.array(scene.light.key, np.float32)
    color += glow[..., None] * ((np.sqrt(base) * 0.55 + 0.12) * bright)
    canvas.merge(patch, color, values[..., 3], key, alpha)


def shade_below_hair(
    canvas: Canvas, unit: float, hair: Hair, points: np.ndarray, patch: Patch | None
) -> None:
    """Darken the head under the hair that is about to be drawn."""
    if patch is None:
        return
    reach = 0.045 * unit
    values = patch.look_up(np.stack([hair.cover, points[..., 2]], axis=-1))
    near = (values[..., 0] > 0) * patch.mask * (values[..., 1] > canvas.depth[patch.box] - 0.02)
    shifted = cv2.warpAffine(
        near.astype(np.float32), np.float32([[1, 0, 0], [0, 1, reach]]), near.shape[::-1]
    )
    soft = cv2.GaussianBlur(shifted, (0, 0), reach)
    on_head = canvas.depth[patch.box] > -0.5
    canvas.color[patch.box] *= 1 - (soft * on_head)[..., None] * np.float32([0.30, 0.36, 0.38])


def _inside_seen(person: Person, yaw: float) -> slice:
    """Return the columns of the hair whose inside can be seen: all, or the far temple."""
    if person.hair_style in LONG_STYLES:
        return slice(None)
    angles = head_columns()
    temple = np.flatnonzero(
        (np.abs(angles) > 0.7) & (np.abs(angles) < 2.2) & (angles * (1 if yaw > 0 else -1) > 0)
    )
    return slice(temple[0], temple[-1] + 1)


def _strands(person: Person, patch: Patch) -> tuple[np.ndarray, np.ndarray]:
    """Return coarse and fine strand noise (h, w), mean 0."""
    if person.hair_style in CURLY:
        tile = noise(person.texture_seed, 96, 96, (1.4, 1.4))
        return patch.texture(tile, 2.4, 3.0), patch.texture(tile, 5.0, 6.0)
    tile = noise(person.texture_seed, 64, 240, (0.9, 9.0))
    coarse = patch.texture(tile, 2.0, 0.7)
    return coarse, patch.texture(tile, 7.0, 1.5)


def _strand_directions(points: np.ndarray) -> np.ndarray:
    down = np.empty_like(points)
    down[1:-1] = points[2:] - points[:-2]
    down[0], down[-1] = points[1] - points[0], points[-1] - points[-2]
    return down / (np.linalg.norm(down, axis=-1, keepdims=True) + 1e-9)


def _draw_knot(canvas: Canvas, view: View, person: Person, scene: Scene) -> None:
    surface = view.turned(build_knot(person))
    patch = rasterize(view.camera.project(surface), canvas.size)
    if patch is None:
        return
    lit = shade(normals_of(surface), scene.light, WRAP)
    color = linear(person.hair) * lit.diffuse + 0.3 * lit.rim
    values, key = patch.look_up(with_depth(color, surface)), patch.look_up(lit.key)
    tile = noise(person.texture_seed, 64, 240, (0.9, 9.0))
    if person.hair_style == "bun":
        strands = patch.texture(np.ascontiguousarray(tile.T), 2.0, 5.0)
    else:
        strands = patch.texture(tile, 4.0, 1.5)
    canvas.merge(patch, values[..., :3] * (0.9 + 0.14 * strands[..., None]), values[..., 3], key)
