"""Render one frame of a drawn talking head, with the landmarks of what was drawn."""

import cv2
import numpy as np

from drawn_heads.canvas import Camera, Canvas, Patch, rasterize
from drawn_heads.features import paint_face, paint_glasses
from drawn_heads.hair import LONG_STYLES, Hair, build_bun, build_hair
from drawn_heads.lighting import background, lighting, linear, noise, shine, strand_shine
from drawn_heads.motion import Pose
from drawn_heads.people import Person, Scene
from drawn_heads.shapes import (
    Head,
    build_body,
    build_ear,
    build_features,
    build_head,
    head_columns,
    landmarks_of,
)
from drawn_heads.surfaces import bump, normals_of, smoothstep

SUPERSAMPLING = 2
UNITS_PER_FRAME = 3.02
CENTER = (0.5, 0.487)
NECK = np.array([0.0, 0.60, -0.25])
# Where clothes begin, in rings of the body: at the sides, how much lower in front, how wide.
COLLARS = {
    "crew": (4.15, 0.55, 0.30),
    "v": (4.10, 2.2, 0.17),
    "shirt": (3.75, 1.3, 0.12),
    "turtleneck": (2.35, 0.0, 1.0),
}


def render(
    person: Person, scene: Scene, pose: Pose, size: int = 256
) -> tuple[np.ndarray, np.ndarray]:
    """Draw one frame.

    Args:
        person: who is drawn.
        scene: clothes, background and light.
        pose: head pose and expression.
        size: side of the frame in pixels, at least 16.

    Returns:
        frame: (size, size, 3) uint8 RGB.
        landmarks: (68, 2) float32 (x, y) in pixels of the frame, pixel centres at integers; they
            are the projected points from which the features were drawn, hidden ones included.

    Raises:
        ValueError: `size` is below 16.
    """
    if size < 16:
        raise ValueError(f"size must be at least 16, got {size}")
    side = size * SUPERSAMPLING
    camera = Camera(
        ((CENTER[0] + pose.x) * side - 0.5, (CENTER[1] + pose.y) * side - 0.5),
        side / UNITS_PER_FRAME * pose.scale,
    )
    turn, body_turn = _rotation(pose.yaw, pose.pitch, pose.roll), _rotation(0.25 * pose.yaw, 0, 0)
    canvas = Canvas(background(scene, side))
    head = build_head(person, pose)
    features = build_features(person, pose, head)
    hair = build_hair(person)

    hair_points = None if hair is None else _hang(hair.surface, hair.follow, turn, body_turn)
    if hair is not None:
        seen = _inside_seen(person, pose.yaw)
        inner = hair._replace(cover=hair.cover[:, seen])
        _draw_inner_hair(canvas, camera, person, inner, hair_points[:, seen])
    _draw_body(canvas, camera, person, scene, turn, body_turn)
    _draw_head(canvas, camera, person, scene, head, turn)
    if hair is not None:
        hair_patch = rasterize(camera.project(hair_points), side)
        _shadow_of_hair(canvas, camera.unit, hair, hair_points, hair_patch)
    projected = type(features)(*(_place(curve, turn, camera) for curve in features))
    paint_face(canvas, person, pose, projected, camera.unit)
    for ear in (-1, 1):
        _draw_ear(canvas, camera, person, scene, turn, ear)
    if hair is not None:
        if person.hair_style == "bun":
            _draw_bun(canvas, camera, person, scene, turn)
        _draw_hair(canvas, person, scene, hair, hair_points, hair_patch)
    if person.glasses != "none":
        paint_glasses(canvas, person, lambda points: camera.project(_turned(points, turn)))
    frame = cv2.resize(canvas.color, (size, size), interpolation=cv2.INTER_AREA)
    frame = np.sqrt(np.clip(frame, 0.0, 1.0)) * 255.0
    points = camera.project(_turned(landmarks_of(features), turn))[:, :2]
    landmarks = (points + 0.5) / SUPERSAMPLING - 0.5
    return np.rint(frame).astype(np.uint8), landmarks.astype(np.float32)


def _rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Return the rotation matrix of angles in degrees: yaw first, then pitch, then roll."""
    (cy, cp, cr), (sy, sp, sr) = (f(np.radians([yaw, pitch, roll])) for f in (np.cos, np.sin))
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return about_z @ about_x @ about_y


def _turned(points: np.ndarray, turn: np.ndarray) -> np.ndarray:
    return (points - NECK) @ turn.T + NECK


def _place(curve: "np.ndarray | tuple", turn: np.ndarray, camera: Camera) -> "np.ndarray | tuple":
    if isinstance(curve, tuple):
        return tuple(_place(part, turn, camera) for part in curve)
    return camera.project(_turned(curve, turn))


def _hang(
    surface: np.ndarray, follow: np.ndarray, turn: np.ndarray, body_turn: np.ndarray
) -> np.ndarray:
    """Turn rows with the head or, by `follow`, with the body."""
    with_head, with_body = _turned(surface, turn), _turned(surface, body_turn)
    return with_head + (with_body - with_head) * follow[:, None, None]


def _with_depth(values: np.ndarray, surface: np.ndarray) -> np.ndarray:
    """Append the depth to values of a surface's points: (rows, columns, channels + 1) float32."""
    return np.concatenate([values, surface[..., 2:]], axis=-1, dtype=np.float32)


def _draw_head(
    canvas: Canvas, camera: Camera, person: Person, scene: Scene, head: Head, turn: np.ndarray
) -> None:
    surface = _turned(head.surface, turn)
    patch = rasterize(camera.project(surface), canvas.size)
    if patch is None:
        return
    normal = normals_of(surface)
    diffuse, rim = lighting(normal, scene, (0.55, 0.42, 0.36))
    albedo = _skin_albedo(person, head)
    skin = albedo[..., :3] * diffuse + rim * (0.35 + 0.65 * albedo[..., :3])
    gloss = 0.075 * shine(normal, scene, 16) + 0.055 * shine(normal, scene, 45)
    skin = skin + (gloss * albedo[..., 3])[..., None] * np.array(scene.light_color)
    values = patch.look_up(_with_depth(skin, surface))
    light = patch.look_up(diffuse)
    color = values[..., :3]
    if person.freckles > 0.05:
        spots = _freckles(person, head, patch)[..., None]
        color = color * (1 - spots * np.array([0.45, 0.85, 1.0], np.float32))
    if person.beard != "none":
        beard = patch.look_up(_beard_cover(person, head))
        grain = patch.texture(noise(person.texture_seed, 64, 64, (0.8, 1.2)), 6.0, 6.0)
        full = 0.46 if person.beard == "stubble" else 0.92
        cover = full * smoothstep(0.15, 0.75, beard + 0.12 * grain * (beard > 0.02))
        hair = linear(person.hair) * (1.0 + 0.12 * grain[..., None])
        color = color + (hair * light - color) * cover[..., None]
    canvas.merge(patch, color, values[..., 3], light=light)


def _skin_albedo(person: Person, head: Head) -> np.ndarray:
    """Return linear skin colour and gloss of the head's points, (rows, columns, 4)."""
    x, y = head.rest[..., 0], head.rest[..., 1]
    side, p = np.abs(x), person
    front = np.clip(np.cos(head.angles), 0, 1)[None]
    skin = linear(p.skin)
    red = 0.9 * p.blush * bump(side, y, (0.40, 0.36), (0.13, 0.12))
    red += 0.35 * bump(x, y, (0.0, p.nose_length), (0.12, 0.08))
    red = (red * front)[..., None]
    albedo = skin * (1 - red * np.array([0.02, 0.22, 0.20]))
    socket = 0.22 * bump(side, y, (p.eye_x - 0.02, p.eye_y - 0.05), (0.16, 0.085))
    socket += (0.10 + 0.12 * p.wrinkles) * bump(side, y, (p.eye_x, p.eye_y + 0.12), (0.12, 0.035))
    socket += 0.20 * p.makeup * bump(side, y, (p.eye_x, p.eye_y - 0.07), (0.13, 0.05))
    under = 0.32 * bump(x, y, (0.0, p.nose_length + 0.12), (0.14, 0.035))
    chin = 0.22 * bump(x, y, (0.0, p.mouth_y + 0.17), (0.13, 0.04))
    below = 0.45 * smoothstep(10.2, 11.6, np.linspace(0, 12, len(y)))[:, None]
    fold = bump(side - 0.75 * (y - 0.45), y, (0.235, 0.60), (0.022, 0.10))
    shade = (socket + under + chin + 0.25 * p.wrinkles * fold) * front + below
    albedo = albedo * (1 - shade[..., None] * np.array([0.75, 0.92, 0.95]))
    gloss = 0.6 + 0.5 * bump(x, y, (0, p.nose_length), (0.1, 0.2)) - 0.5 * below
    return np.concatenate([albedo, gloss[..., None] + 0 * albedo[..., :1]], axis=-1)


def _freckles(person: Person, head: Head, patch: Patch) -> np.ndarray:
    """Return how strong the freckles of cheeks and nose are (h, w), 0..1."""
    x, y = head.rest[..., 0], head.rest[..., 1]
    where = bump(np.abs(x), y, (0.30, 0.30), (0.18, 0.11)) + bump(x, y, (0, 0.25), (0.14, 0.12))
    spots = patch.texture(noise(person.texture_seed + 1, 64, 64, (0.8, 0.8)), 3.6, 3.6)
    strength = patch.look_up(where * (0.45 * person.freckles))
    return np.minimum(strength, 0.4) * smoothstep(0.9, 1.9, spots)


def _beard_cover(person: Person, head: Head) -> np.ndarray:
    """Return how densely the beard grows on the head's points, (rows, columns), 0..1."""
    x, y = head.rest[..., 0], head.rest[..., 1]
    side, p = np.abs(x), person
    moustache = bump(side, y, (0.11, p.mouth_y - 0.115), (0.13, 0.042)) * 1.15
    if p.beard == "moustache":
        return moustache
    if p.beard == "goatee":
        ring = (x / (p.mouth_width + 0.02)) ** 4 + ((y - p.mouth_y - 0.13) / 0.31) ** 4
        hole = (x / (p.mouth_width * 0.88)) ** 4 + ((y - p.mouth_y - 0.01) / 0.078) ** 4
        return smoothstep(1.35, 0.60, ring) * smoothstep(0.55, 1.30, hole)
    ahead = smoothstep(-0.25, 0.05, np.cos(head.angles))[None]
    line = np.interp(side, (0.0, 0.18, 0.34, 0.50, 0.62, 0.70), (0.62, 0.60, 0.66, 0.52, 0.20, 0.0))
    cover = smoothstep(-0.03, 0.13, y - line)
    lips = bump(x, y, (0, p.mouth_y), (p.mouth_width * 0.72, 0.055))
    bare = bump(x, y, (0, p.mouth_y + 0.12), (0.06, 0.04)) * 0.4
    return np.maximum(moustache, ahead * cover * (1 - 0.9 * lips) * (1 - bare))


def _draw_ear(
    canvas: Canvas, camera: Camera, person: Person, scene: Scene, turn: np.ndarray, side: int
) -> None:
    rest = build_ear(person, side, person.hair_style not in LONG_STYLES)
    surface = _turned(rest, turn)
    patch = rasterize(camera.project(surface), canvas.size)
    if patch is None:
        return
    diffuse, rim = lighting(normals_of(surface), scene, (0.6, 0.45, 0.4))
    rings = np.linspace(0, 1, rest.shape[0])[:, None] + 0 * rest[..., 0]
    hollow = 0.5 * np.exp(-0.5 * (rings / 0.34) ** 2)
    tint = linear(person.skin) * (1 - hollow[..., None] * np.array([0.7, 0.9, 0.95]))
    tint = tint * np.array([1.0, 0.90, 0.89])
    values = patch.look_up(_with_depth(tint * diffuse + 0.5 * rim, surface))
    canvas.merge(patch, values[..., :3], values[..., 3])


def _draw_body(
    canvas: Canvas,
    camera: Camera,
    person: Person,
    scene: Scene,
    turn: np.ndarray,
    body_turn: np.ndarray,
) -> None:
    rest, follow, knots = build_body(person)
    surface = _hang(rest, follow, turn, body_turn)
    patch = rasterize(camera.project(surface), canvas.size)
    if patch is None:
        return
    diffuse, rim = lighting(normals_of(surface), scene, (0.5, 0.4, 0.35))
    chin = 1 - 0.72 * smoothstep(1.75, 1.02, rest[..., 1:2])
    values = patch.look_up(_with_depth(linear(person.skin) * chin * diffuse + 0.4 * rim, surface))
    light = patch.look_up(_with_depth(diffuse + 0.4 * rim, rest))
    x, knot = cv2.split(patch.look_up(np.stack([rest[..., 0], knots], axis=-1)))
    skin, light, front = values[..., :3], light[..., :3], light[..., 3] > -0.25
    height, dip, width = COLLARS[scene.collar]
    line = height + np.float32(dip) * np.exp(np.float32(-0.5 / width**2) * x * x) * front
    sharp = camera.unit * 0.13
    cloth = np.clip((knot - line) * sharp + 0.5, 0, 1)
    band = np.clip((line + 0.40 - knot) * sharp + 0.5, 0, 1) * cloth
    shadow = 1 - 0.35 * np.exp(-0.5 * ((knot - line - 0.05) / 0.14) ** 2) * (cloth < 0.9)
    dress = linear(scene.clothes) * (1 - 0.10 * band)[..., None]
    if scene.collar in ("crew", "shirt"):
        dress = dress + (linear(scene.clothes_accent) - dress) * (band * 0.8)[..., None]
    skin = skin * shadow[..., None]
    color = skin + (dress * light - skin) * cloth[..., None]
    canvas.merge(patch, color.astype(np.float32), values[..., 3] - 0.10)


def _inside_seen(person: Person, yaw: float) -> slice:
    """Return the columns of the hair whose inside can be seen: all, or the far temple."""
    if person.hair_style in LONG_STYLES:
        return slice(None)
    angles = head_columns()
    temple = np.flatnonzero(
        (np.abs(angles) > 0.7) & (np.abs(angles) < 2.2) & (angles * (1 if yaw > 0 else -1) > 0)
    )
    return slice(temple[0], temple[-1] + 1)


def _draw_inner_hair(
    canvas: Canvas, camera: Camera, person: Person, hair: Hair, points: np.ndarray
) -> None:
    """Draw the inside of hair that hangs behind the neck, in shade."""
    patch = rasterize(camera.project(points), canvas.size, -1)
    if patch is None:
        return
    strands, fine = _strands(person, patch)
    values = patch.look_up(np.stack([hair.cover, points[..., 2]], axis=-1))
    alpha = np.clip((values[..., 0] + 0.022 * strands) / 0.018, 0, 1)
    color = linear(person.hair) * 0.16 * (1 + 0.1 * fine[..., None])
    canvas.merge(patch, color, values[..., 1] - 5.0, alpha)


def _draw_hair(
    canvas: Canvas,
    person: Person,
    scene: Scene,
    hair: Hair,
    points: np.ndarray,
    patch: Patch | None,
) -> None:
    if patch is None:
        return
    style, base = person.hair_style, linear(person.hair)
    diffuse, rim = lighting(normals_of(points), scene, (0.35, 0.33, 0.32))
    values = patch.look_up(_with_depth(base * diffuse + 0.25 * rim, points))
    glow = strand_shine(_strand_directions(points), scene)
    cover, glow = cv2.split(patch.look_up(np.stack([hair.cover, glow], axis=-1)))
    strands, fine = _strands(person, patch)
    cover = cover + 0.022 * strands
    alpha = np.clip(cover / (0.045 if style == "buzz" else 0.018), 0, 1)
    if style == "buzz":
        alpha = alpha * 0.85
    inner = smoothstep(0.0, 0.12, cover)
    tint = (1 + 0.13 * strands + 0.07 * fine) * (0.62 + 0.38 * inner)
    color = values[..., :3] * np.clip(tint, 0.3, 1.7)[..., None]
    strength = 0.06 if style in ("afro", "buzz") else 0.275
    glow = glow * np.clip(0.55 + 0.5 * strands, 0, 1.5) * (strength * inner)
    color += glow[..., None] * (np.sqrt(base) * 0.55 + 0.12)
    canvas.merge(patch, color, values[..., 3], alpha)


def _strands(person: Person, patch: Patch) -> tuple[np.ndarray, np.ndarray]:
    """Return coarse and fine strand noise (h, w), mean 0."""
    if person.hair_style == "afro":
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


def _shadow_of_hair(
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
    canvas.color[patch.box] *= 1 - (soft * on_head)[..., None] * np.float32([0.36, 0.42, 0.44])


def _draw_bun(
    canvas: Canvas, camera: Camera, person: Person, scene: Scene, turn: np.ndarray
) -> None:
    surface = _turned(build_bun(person), turn)
    patch = rasterize(camera.project(surface), canvas.size)
    if patch is None:
        return
    diffuse, rim = lighting(normals_of(surface), scene, (0.35, 0.33, 0.32))
    values = patch.look_up(_with_depth(linear(person.hair) * diffuse + 0.3 * rim, surface))
    tile = noise(person.texture_seed, 64, 240, (0.9, 9.0))
    strands = patch.texture(np.ascontiguousarray(tile.T), 2.0, 5.0)
    canvas.merge(patch, values[..., :3] * (0.9 + 0.14 * strands[..., None]), values[..., 3])
