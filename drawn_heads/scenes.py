"""Where somebody is drawn: clothes, place, light and camera of one video."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from drawn_heads.colors import Color, from_hsv, mix, pick
from drawn_heads.kinds import CLOTHES

COLLARS = {"crew": 0.24, "v": 0.16, "shirt": 0.20, "turtleneck": 0.12, "suit": 0.18, "jacket": 0.10}
PATTERNS = {"plain": 0.66, "stripes": 0.17, "checks": 0.17}
PLACES = {
    "plain": 0.16,
    "blobs": 0.10,
    "lights": 0.10,
    "curtain": 0.09,
    "wall": 0.15,
    "shelves": 0.10,
    "window": 0.10,
    "bricks": 0.07,
    "outdoors": 0.13,
}


class Setup(NamedTuple):
    """A way to light a face."""

    share: float
    """Of all videos."""
    turn: tuple[float, float]
    """Least and most angle of the key light to the side, degrees; above 90 it is behind."""
    height: tuple[float, float]
    """And above the head, degrees."""
    hardness: tuple[float, float]
    key: float
    ambient: float
    fill: float
    rim: float


LIGHTS = {
    "soft": Setup(0.34, (5, 45), (0, 45), (0.0, 0.5), 0.75, 1.0, 0.12, 0.3),
    "side": Setup(0.26, (45, 88), (-5, 40), (0.4, 1.0), 1.15, 0.50, 0.12, 0.5),
    "top": Setup(0.10, (0, 40), (45, 65), (0.4, 1.0), 1.0, 0.65, 0.08, 0.3),
    "back": Setup(0.12, (70, 105), (5, 40), (0.3, 0.9), 0.7, 0.75, 0.2, 2.2),
    "colored": Setup(0.18, (20, 75), (0, 40), (0.3, 1.0), 0.95, 0.55, 0.4, 1.0),
}


@dataclass(frozen=True)
class Light:
    """Light of one video; colours are multiplied with strengths, so they may exceed 1."""

    direction: tuple[float, float, float]
    """Unit vector towards the key light: x to the image's right, y down, z to the camera."""
    hardness: float
    """0 wraps round the head, 1 ends sharply and casts shadows."""
    key: Color
    ambient: Color
    """From everywhere, more from above."""
    fill: Color
    """From the side opposite to the key light."""
    rim: Color
    """On the edges of the head, from behind."""


@dataclass(frozen=True)
class Film:
    """What the camera does to a picture."""

    exposure: float
    """Factor of the light."""
    balance: Color
    """Factor of every channel's light: a colour cast."""
    contrast: float
    """-1..1: softer or harder than it is."""
    saturation: float
    """Factor; 0 is grey."""
    softness: float
    """Standard deviation of the blur in 1/128 of the frame's side."""


@dataclass(frozen=True)
class Scene:
    """Clothes, background, light and camera of one video; colours are sRGB in 0..1."""

    clothes: Color
    clothes_accent: Color
    collar: str
    pattern: str
    place: str
    background: tuple[Color, Color]
    depth_blur: float
    """How far out of focus the background is, 0..1."""
    light: Light
    film: Film
    texture_seed: int


def draw_scene(seed: int) -> Scene:
    """Draw clothes, background, light and camera of one video.

    Args:
        seed: non-negative integer; the same seed gives the same scene.
    """
    rng = np.random.default_rng([seed, 2])
    hue = rng.random()
    grey = rng.uniform(0.3, 1.0)
    top = from_hsv(hue, grey * rng.uniform(0.05, 0.40), rng.uniform(0.35, 0.95))
    bottom = from_hsv(
        hue + rng.uniform(-0.12, 0.12), grey * rng.uniform(0.08, 0.45), rng.uniform(0.2, 0.8)
    )
    return Scene(
        clothes=pick(rng, CLOTHES, 0.06),
        clothes_accent=pick(rng, CLOTHES, 0.06),
        collar=_choose(rng, COLLARS),
        pattern=_choose(rng, PATTERNS),
        place=_choose(rng, PLACES),
        background=(top, bottom),
        depth_blur=float(rng.random()),
        light=_draw_light(rng, mix((1.0, 1.0, 1.0), top, 0.25)),
        film=_draw_film(rng),
        texture_seed=int(rng.integers(2**31)),
    )


def _draw_light(rng: np.random.Generator, room: Color) -> Light:
    kind = _choose(rng, {name: light.share for name, light in LIGHTS.items()})
    side = float(rng.choice([-1.0, 1.0]))
    means = LIGHTS[kind]
    turn, height = rng.uniform(*means.turn), rng.uniform(*means.height)
    azimuth, elevation = np.radians([turn, height])
    direction = (
        side * float(np.sin(azimuth) * np.cos(elevation)),
        -float(np.sin(elevation)),
        float(np.cos(azimuth) * np.cos(elevation)),
    )
    warmth = float(rng.uniform(-1, 1))
    white = (1.0 + 0.09 * warmth, 0.98, 0.95 - 0.12 * warmth)
    tint = from_hsv(rng.random(), rng.uniform(0.35, 0.8), 1.0) if kind == "colored" else room
    return Light(
        direction=direction,
        hardness=float(rng.uniform(*means.hardness)),
        key=_scaled(white, means.key),
        ambient=_scaled(mix(room, (0.95, 0.97, 1.0), 0.6), means.ambient),
        fill=_scaled(tint, means.fill),
        rim=_scaled(mix(tint, white, 0.3), means.rim),
    )


def _draw_film(rng: np.random.Generator) -> Film:
    warmth, green = rng.normal(0, 0.035), rng.normal(0, 0.015)
    return Film(
        exposure=float(np.exp(rng.uniform(-0.22, 0.20))),
        balance=(float(1 + warmth), float(1 + green), float(1 - warmth)),
        contrast=float(rng.uniform(-0.25, 0.75)),
        saturation=float(0.0 if rng.random() < 0.01 else rng.uniform(0.75, 1.2)),
        softness=float(max(0.0, rng.uniform(-0.3, 0.5))),
    )


def _choose(rng: np.random.Generator, weights: dict[str, float]) -> str:
    return str(rng.choice(list(weights), p=list(weights.values())))


def _scaled(color: Color, strength: float) -> Color:
    return tuple(float(channel * strength) for channel in color)
