"""What stands behind the heads: studios, rooms, lights and streets, more or less out of focus."""

import functools

import cv2
import numpy as np

from drawn_heads.colors import Color, from_hsv, linear, mix
from drawn_heads.drawing.noise import noise
from drawn_heads.drawing.surfaces import smoothstep
from drawn_heads.scenes import Scene

KEPT = 4  # backgrounds kept from frame to frame of a video
SIDE = 160  # pixels that they are painted with
LIGHT = 0.30  # how much of the key light's colour they take


@functools.lru_cache(KEPT)
def background(scene: Scene, side: int) -> np.ndarray:
    """Paint the place of a scene, (side, side, 3) linear light, read-only."""
    rng = np.random.default_rng([scene.texture_seed, 8])
    picture = _gradient(scene)
    paint, least, most = PLACES[scene.place]
    picture = paint(picture, scene, rng)
    blur = (least + (most - least) * scene.depth_blur) * SIDE / 100
    if blur > 0.2:
        picture = cv2.GaussianBlur(picture, (0, 0), blur, borderType=cv2.BORDER_REPLICATE)
    x, y = _grid()
    picture = picture**2 * (1 - 0.45 * ((x - 0.5) ** 2 + (y - 0.5) ** 2))[..., None]
    bright = np.array(scene.light.key, np.float32) + np.array(scene.light.ambient, np.float32)
    picture *= 1 + LIGHT * (bright / 1.6 - 1)
    picture = np.ascontiguousarray(picture, np.float32)
    picture = cv2.resize(picture, (side, side), interpolation=cv2.INTER_LINEAR).clip(0, 1)
    picture.flags.writeable = False
    return picture


def _grid() -> tuple[np.ndarray, np.ndarray]:
    place = (np.arange(SIDE, dtype=np.float32) + 0.5) / SIDE
    return place[None, :], place[:, None]


def _gradient(scene: Scene) -> np.ndarray:
    """Return a wall, (SIDE, SIDE, 3) sRGB, that is lighter towards the light."""
    x, y = _grid()
    top, bottom = (linear(color) for color in scene.background)
    slope = np.clip(y - 0.45 * scene.light.direction[0] * (x - 0.5), 0, 1)[..., None]
    return np.sqrt(top + (bottom - top) * slope).astype(np.float32)


def _box(
    picture: np.ndarray, low: tuple[float, float], high: tuple[float, float], color: Color
) -> None:
    """Fill a rectangle of shares of the picture, (x, y) to (x, y)."""
    corners = [tuple(round(value * SIDE * 16) for value in corner) for corner in (low, high)]
    cv2.rectangle(picture, *corners, color, -1, cv2.LINE_AA, 4)


def _disc(picture: np.ndarray, x: float, y: float, radius: float, color: Color) -> None:
    center = round(x * SIDE * 16), round(y * SIDE * 16)
    cv2.circle(picture, center, round(radius * SIDE * 16), color, -1, cv2.LINE_AA, 4)


def _glow(
    picture: np.ndarray, x: float, y: float, radius: float, color: Color, amount: float
) -> None:
    """Add a soft light around a place."""
    across, down = _grid()
    distance = ((across - x) ** 2 + (down - y) ** 2) / radius**2
    picture += (amount * np.exp(-distance))[..., None] * np.array(color, np.float32)


def _near(rng: np.random.Generator, scene: Scene, spread: float) -> Color:
    """Draw a colour that goes with the wall's."""
    base = mix(*scene.background, rng.random())
    other = from_hsv(rng.random(), rng.uniform(0.1, 0.7), rng.uniform(0.2, 0.95))
    return mix(base, other, spread)


def _plain(picture: np.ndarray, scene: Scene, rng: np.random.Generator) -> np.ndarray:
    return picture


def _blobs(picture: np.ndarray, scene: Scene, rng: np.random.Generator) -> np.ndarray:
    x, y = _grid()
    for _ in range(int(rng.integers(3, 7))):
        radius = rng.uniform(0.10, 0.34)
        distance = np.hypot(x - rng.uniform(-0.1, 1.1), y - rng.uniform(-0.1, 1.0))
        soft = smoothstep(radius * 1.15, radius * 0.75, distance)[..., None]
        picture = picture + (np.array(_near(rng, scene, 0.6)) - picture) * (0.5 * soft)
    return picture.astype(np.float32)


def _lights(picture: np.ndarray, scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """Paint lamps of a city, or of a stage, far out of focus, in the dark."""
    picture *= np.float32(rng.uniform(0.15, 0.5))
    hue = rng.random()
    for _ in range(int(rng.integers(8, 26))):
        color = from_hsv(hue + rng.normal(0, 0.12), rng.uniform(0.2, 0.8), 1.0)
        at = rng.uniform(-0.05, 1.05), rng.uniform(-0.05, 0.95)
        radius, amount = rng.uniform(0.015, 0.075), rng.uniform(0.25, 0.8)
        disc = np.zeros((SIDE, SIDE), np.float32)
        _disc(disc, *at, radius, 1.0)
        picture += disc[..., None] * np.array(color, np.float32) * np.float32(amount)
    return np.minimum(picture, 1)


def _curtain(picture: np.ndarray, scene: Scene, rng: np.random.Generator) -> np.ndarray:
    x, y = _grid()
    waves = sum(
        np.sin(x * rng.uniform(18, 60) + rng.uniform(0, 6) + rng.uniform(-0.8, 0.8) * y)
        for _ in range(3)
    )
    picture *= (1 + 0.09 * waves)[..., None]
    if rng.random() < 0.4:
        second = np.array(_near(rng, scene, 0.5), np.float32)
        edge = smoothstep(0, 0.02, x + 0.03 * waves - rng.uniform(0.2, 0.8))[..., None]
        picture += (second * picture.mean() * 2 - picture) * edge
    return np.clip(picture, 0, 1).astype(np.float32)


def _wall(picture: np.ndarray, scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """Hang posters on a wall, and put a lamp or a plant before it."""
    if rng.random() < 0.4:
        _box(picture, (-0.1, rng.uniform(0.62, 0.8)), (1.1, 1.1), _near(rng, scene, 0.3))
    for left in (rng.uniform(-0.12, 0.12), rng.uniform(0.62, 0.85)):
        if rng.random() < 0.75:
            _poster(picture, scene, rng, left, rng.uniform(0.02, 0.3))
    if rng.random() < 0.45:
        _lamp(picture, rng, rng.choice([rng.uniform(0.04, 0.2), rng.uniform(0.8, 0.96)]))
    if rng.random() < 0.45:
        _plant(picture, rng, rng.choice([rng.uniform(0.02, 0.2), rng.uniform(0.8, 0.98)]))
    return picture


def _poster(
    picture: np.ndarray, scene: Scene, rng: np.random.Generator, left: float, top: float
) -> None:
    wide, tall, border = rng.uniform(0.15, 0.32), rng.uniform(0.18, 0.42), rng.uniform(0.008, 0.03)
    _box(picture, (left, top), (left + wide, top + tall), _near(rng, scene, 0.9))
    low, high = (left + border, top + border), (left + wide - border, top + tall - border)
    _box(picture, low, high, _near(rng, scene, 0.7))
    for _ in range(int(rng.integers(1, 4))):
        at = rng.uniform(low[0], high[0]), rng.uniform(low[1], high[1])
        _disc(picture, *at, rng.uniform(0.015, 0.06), _near(rng, scene, 0.9))


def _lamp(picture: np.ndarray, rng: np.random.Generator, x: float) -> None:
    top = rng.uniform(0.18, 0.5)
    _box(picture, (x - 0.008, top), (x + 0.008, 1.1), (0.2, 0.17, 0.15))
    shade = [(x - 0.05, top - 0.09), (x + 0.05, top - 0.09), (x + 0.09, top + 0.05)]
    outline = np.array([*shade, (x - 0.09, top + 0.05)]) * SIDE * 16
    cv2.fillPoly(picture, [np.rint(outline).astype(np.int32)], (1.0, 0.90, 0.66), cv2.LINE_AA, 4)
    _glow(picture, x, top, 0.25, (1.0, 0.75, 0.4), 0.30)


def _plant(picture: np.ndarray, rng: np.random.Generator, x: float) -> None:
    root = rng.uniform(0.65, 0.95)
    for _ in range(int(rng.integers(8, 16))):
        lean, length = rng.uniform(-1.1, 1.1), rng.uniform(0.15, 0.45)
        tip = np.array([x + length * np.sin(lean), root - length * np.cos(lean)])
        middle = 0.5 * (np.array([x, root]) + tip)
        angle = np.degrees(np.arctan2(tip[1] - root, tip[0] - x))
        green = from_hsv(rng.uniform(0.24, 0.38), rng.uniform(0.3, 0.7), rng.uniform(0.2, 0.55))
        axes = round(length * 0.5 * SIDE * 16), round(length * rng.uniform(0.06, 0.14) * SIDE * 16)
        center = tuple(int(value) for value in np.rint(middle * SIDE * 16))
        cv2.ellipse(picture, center, axes, float(angle), 0, 360, green, -1, cv2.LINE_AA, 4)
    _box(picture, (x - 0.06, root - 0.01), (x + 0.06, 1.1), (0.55, 0.36, 0.27))


def _shelves(picture: np.ndarray, scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """Fill the wall with shelves of books and things."""
    picture *= np.float32(rng.uniform(0.45, 0.8))
    wood = mix((0.35, 0.24, 0.16), (0.8, 0.76, 0.7), rng.random())
    height, floor = rng.uniform(0.20, 0.32), rng.uniform(0.02, 0.25)
    while floor < 1.25:
        x = rng.uniform(-0.05, 0.02)
        while x < 1.0:
            wide, tall = rng.uniform(0.015, 0.055), height * rng.uniform(0.5, 0.88)
            if rng.random() < 0.82:
                color = from_hsv(rng.random(), 0.65 * rng.random() ** 1.5, rng.uniform(0.2, 0.8))
                _box(picture, (x, floor - tall), (x + wide, floor), color)
            elif rng.random() < 0.5:
                _disc(picture, x + 0.04, floor - 0.045, 0.045, _near(rng, scene, 0.8))
                wide = 0.09
            else:
                wide = rng.uniform(0.05, 0.14)
            x += wide
        _box(picture, (-0.1, floor), (1.1, floor + 0.022), wood)
        floor += height
    return picture


def _window(picture: np.ndarray, scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """Open a window, with a bright outside, blinds or a frame."""
    picture *= np.float32(rng.uniform(0.45, 0.9))
    left = rng.choice([rng.uniform(-0.3, 0.0), rng.uniform(0.45, 0.7)])
    right, top = left + rng.uniform(0.4, 0.75), rng.uniform(-0.1, 0.12)
    bottom = rng.uniform(0.6, 0.9)
    sky = from_hsv(rng.uniform(0.5, 0.62), rng.uniform(0.03, 0.35), rng.uniform(0.85, 1.0))
    frame = mix((0.9, 0.9, 0.88), _near(rng, scene, 0.5), 0.4 * rng.random())
    _box(picture, (left - 0.03, top - 0.03), (right + 0.03, bottom + 0.03), frame)
    _box(picture, (left, top), (right, bottom), sky)
    green = from_hsv(rng.uniform(0.2, 0.4), rng.uniform(0.2, 0.5), rng.uniform(0.4, 0.8))
    horizon = top + (bottom - top) * rng.uniform(0.5, 0.9)
    _box(picture, (left, horizon), (right, bottom), green)
    if rng.random() < 0.45:
        for y in np.arange(top, bottom, 0.045):
            _box(picture, (left, y), (right, y + 0.022), mix(frame, sky, 0.4))
    else:
        middle = 0.5 * (left + right)
        _box(picture, (middle - 0.015, top), (middle + 0.015, bottom), frame)
    if rng.random() < 0.4:
        _plant(picture, rng, rng.choice([0.06, 0.94]))
    return picture


def _bricks(picture: np.ndarray, scene: Scene, rng: np.random.Generator) -> np.ndarray:
    height = rng.uniform(0.045, 0.08)
    wide, base = height * rng.uniform(2.2, 3.2), scene.background[0]
    tone = mix(from_hsv(rng.uniform(0.01, 0.06), 0.5, 0.55), base, rng.uniform(0, 0.8))
    mortar = mix(tone, (0.75, 0.73, 0.70), 0.6)
    lit = picture / max(float(picture.mean()), 0.05)
    picture[:] = mortar
    for row in range(int(1 / height) + 2):
        for column in range(-1, int(1 / wide) + 2):
            x, y = (column + 0.5 * (row % 2)) * wide, row * height
            color = tuple(value * float(rng.uniform(0.8, 1.15)) for value in tone)
            gap = 0.10 * height
            _box(picture, (x + gap, y + gap), (x + wide - gap, y + height - gap), color)
    return np.clip(picture * (0.5 + 0.5 * lit), 0, 1)


def _outdoors(picture: np.ndarray, scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """Paint sky, hills or houses, and trees."""
    _, y = _grid()
    sky = np.array(from_hsv(rng.uniform(0.52, 0.62), rng.uniform(0.05, 0.5), rng.uniform(0.7, 1.0)))
    horizon = rng.uniform(0.35, 0.8)
    picture[:] = sky + (1 - sky) * (0.8 * np.clip(y / horizon, 0, 1))[..., None]
    clouds = noise(scene.texture_seed, SIDE, SIDE, (14.0, 6.0))
    picture += (0.10 * np.clip(clouds, 0, 2))[..., None]
    if rng.random() < 0.5:
        for left in np.arange(-0.1, 1.1, 0.16):
            grey = _near(rng, scene, 0.5)
            top = horizon - rng.uniform(0.05, 0.4)
            _box(picture, (left, top), (left + rng.uniform(0.1, 0.2), 1.1), grey)
    ground = from_hsv(rng.uniform(0.15, 0.40), rng.uniform(0.1, 0.5), rng.uniform(0.3, 0.7))
    _box(picture, (-0.1, horizon), (1.1, 1.1), ground)
    for _ in range(int(rng.integers(10, 60))):
        green = from_hsv(rng.uniform(0.14, 0.38), rng.uniform(0.2, 0.65), rng.uniform(0.15, 0.6))
        at = rng.uniform(-0.05, 1.05), horizon - abs(rng.normal(0, 0.16)) + 0.08
        _disc(picture, *at, rng.uniform(0.03, 0.12), green)
    return np.clip(picture, 0, 1)


# How to paint a place, and the least and the most blur, in hundredths of the picture's side.
PLACES = {
    "plain": (_plain, 0.0, 0.0),
    "blobs": (_blobs, 0.0, 2.0),
    "lights": (_lights, 0.3, 1.6),
    "curtain": (_curtain, 0.2, 2.5),
    "wall": (_wall, 0.3, 3.0),
    "shelves": (_shelves, 0.4, 3.0),
    "window": (_window, 0.3, 3.0),
    "bricks": (_bricks, 0.3, 2.0),
    "outdoors": (_outdoors, 0.8, 4.0),
}
