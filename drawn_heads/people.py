"""Who is drawn and where: the parameters of people and scenes behind the drawn talking heads."""

from dataclasses import dataclass

import numpy as np

Color = tuple[float, float, float]

# sRGB 0..1, from light to dark. Neighbours are mixed, so these are anchors and not the only tones.
SKIN_TONES = (
    (0.98, 0.86, 0.79),
    (0.96, 0.80, 0.70),
    (0.93, 0.75, 0.62),
    (0.88, 0.67, 0.52),
    (0.80, 0.58, 0.43),
    (0.70, 0.48, 0.34),
    (0.58, 0.38, 0.27),
    (0.46, 0.29, 0.21),
    (0.36, 0.23, 0.17),
)
HAIR_COLORS = {
    "black": (0.09, 0.08, 0.09),
    "dark brown": (0.19, 0.12, 0.09),
    "brown": (0.33, 0.21, 0.13),
    "light brown": (0.50, 0.34, 0.21),
    "blond": (0.82, 0.65, 0.40),
    "red": (0.58, 0.25, 0.12),
    "grey": (0.62, 0.62, 0.63),
    "white": (0.88, 0.87, 0.85),
}
EYE_COLORS = (
    (0.28, 0.16, 0.09),
    (0.36, 0.22, 0.11),
    (0.45, 0.33, 0.16),
    (0.36, 0.44, 0.24),
    (0.30, 0.48, 0.62),
    (0.42, 0.50, 0.56),
)
CLOTHES = (
    (0.16, 0.22, 0.36),
    (0.62, 0.19, 0.20),
    (0.20, 0.42, 0.36),
    (0.86, 0.84, 0.80),
    (0.22, 0.22, 0.25),
    (0.80, 0.56, 0.22),
    (0.45, 0.30, 0.48),
    (0.36, 0.52, 0.68),
    (0.55, 0.60, 0.48),
    (0.85, 0.52, 0.48),
)
HAIR_STYLES = ("bald", "buzz", "short", "side part", "quiff", "afro", "bob", "long", "bangs", "bun")
GLASSES = ("none", "round", "square")
BEARDS = ("none", "stubble", "moustache", "goatee", "full")


@dataclass(frozen=True)
class Person:
    """Identity of one drawn person; lengths are in units of 10 cm, colours are sRGB in 0..1."""

    skin: Color
    lips: Color
    hair: Color
    iris: Color
    brow_color: Color
    face_width: float
    jaw_width: float
    jaw_roundness: float
    chin_y: float
    chin_forward: float
    cheeks: float
    eye_x: float
    eye_y: float
    eye_width: float
    eye_height: float
    eye_tilt: float
    brow_y: float
    brow_thickness: float
    brow_arch: float
    brow_tilt: float
    nose_length: float
    nose_width: float
    nose_height: float
    nose_tip: float
    mouth_y: float
    mouth_width: float
    upper_lip: float
    lower_lip: float
    ear_size: float
    neck_width: float
    blush: float
    freckles: float
    wrinkles: float
    makeup: float
    hair_style: str
    hair_length: float
    hair_volume: float
    hair_part: float
    hairline: float
    curl: float
    beard: str
    glasses: str
    glasses_color: Color
    texture_seed: int


@dataclass(frozen=True)
class Scene:
    """Clothes, background and light of one video; colours are sRGB in 0..1."""

    clothes: Color
    clothes_accent: Color
    collar: str
    background: tuple[Color, Color]
    blobs: tuple[tuple[float, float, float, Color], ...]
    light: tuple[float, float, float]
    light_color: Color
    ambient_color: Color
    rim_color: Color
    texture_seed: int


def draw_person(seed: int) -> Person:
    """Draw the identity of one person.

    Args:
        seed: non-negative integer; the same seed gives the same person.
    """
    rng = np.random.default_rng([seed, 1])
    feminine = float(rng.random() < 0.5) * 0.7 + 0.3 * rng.random()
    age = rng.random() ** 1.3
    tone = rng.random()
    skin = _jitter(rng, _mix_along(SKIN_TONES, tone), 0.015)
    hair = _draw_hair_color(rng, tone, age)
    style = _draw_hair_style(rng, feminine, age)
    beard = _draw_beard(rng, feminine)
    redness = np.clip([0.80 - 0.14 * tone, 0.36 - 0.14 * tone, 0.37 - 0.11 * tone], 0, 1)
    lips = _mix(skin, tuple(redness), 0.45 + 0.35 * feminine * rng.random())
    brow = _mix(hair, (0.12, 0.09, 0.08), 0.45 if max(hair) < 0.8 or age < 0.7 else 0.15)
    iris = _jitter(rng, EYE_COLORS[_draw_eye_color(rng, tone)], 0.03)

    def around(center: float, spread: float, feminine_shift: float = 0.0) -> float:
        return float(center + spread * _bounded(rng) + feminine_shift * (feminine - 0.5))

    return Person(
        skin=skin,
        lips=lips,
        hair=hair,
        iris=iris,
        brow_color=brow,
        face_width=around(0.765, 0.045, -0.03),
        jaw_width=around(0.65, 0.05, -0.06),
        jaw_roundness=around(0.93, 0.16, -0.12),
        chin_y=around(1.115, 0.06, -0.05),
        chin_forward=around(0.03, 0.03, -0.02),
        cheeks=around(0.5, 0.4, 0.2),
        eye_x=around(0.335, 0.022),
        eye_y=around(0.02, 0.03),
        eye_width=around(0.168, 0.014, 0.012),
        eye_height=around(0.088, 0.016, 0.014),
        eye_tilt=around(0.02, 0.028, 0.015),
        brow_y=around(-0.215, 0.03, -0.03),
        brow_thickness=around(0.046, 0.014, -0.022),
        brow_arch=around(0.045, 0.028, 0.02),
        brow_tilt=around(0.0, 0.03),
        nose_length=around(0.40, 0.05, -0.02),
        nose_width=around(0.155, 0.03, -0.025) + 0.03 * float(tone),
        nose_height=around(0.25, 0.045, -0.03),
        nose_tip=around(0.0, 0.03, -0.015),
        mouth_y=around(0.715, 0.025),
        mouth_width=around(0.265, 0.03, -0.015),
        upper_lip=around(0.064, 0.016, 0.018) + 0.012 * float(tone),
        lower_lip=around(0.086, 0.018, 0.018) + 0.012 * float(tone),
        ear_size=around(1.0, 0.14, -0.1),
        neck_width=around(0.41, 0.03, -0.10),
        blush=float(rng.random() * (1.0 - 0.6 * tone)),
        freckles=float(max(0.0, rng.random() * 2.2 - 1.2) * (tone < 0.4) * (age < 0.5)),
        wrinkles=float(max(0.0, age * 1.5 - 0.55)),
        makeup=float(rng.random() * (feminine > 0.6)),
        hair_style=style,
        hair_length=float(rng.uniform(1.25, 2.1)),
        hair_volume=float(rng.uniform(0.7, 1.35)),
        hair_part=float(rng.choice([-1.0, 1.0]) * rng.uniform(0.25, 0.7)),
        hairline=around(-0.67, 0.05, 0.04) - 0.10 * float(age) * float(feminine < 0.5),
        curl=float(rng.random()),
        beard=beard,
        glasses=str(rng.choice(GLASSES, p=[0.74, 0.13, 0.13])),
        glasses_color=_jitter(
            rng, ((0.1, 0.1, 0.11), (0.35, 0.2, 0.12))[int(rng.integers(2))], 0.04
        ),
        texture_seed=int(rng.integers(2**31)),
    )


def draw_scene(seed: int) -> Scene:
    """Draw clothes, background and light of one video.

    Args:
        seed: non-negative integer; the same seed gives the same scene.
    """
    rng = np.random.default_rng([seed, 2])
    clothes = _jitter(rng, CLOTHES[int(rng.integers(len(CLOTHES)))], 0.05)
    accent = _jitter(rng, CLOTHES[int(rng.integers(len(CLOTHES)))], 0.05)
    hue = rng.random()
    top = _from_hsv(hue, rng.uniform(0.05, 0.32), rng.uniform(0.55, 0.95))
    bottom = _from_hsv(
        hue + rng.uniform(-0.12, 0.12), rng.uniform(0.08, 0.36), rng.uniform(0.35, 0.8)
    )
    blobs = tuple(
        (
            float(rng.uniform(-0.1, 1.1)),
            float(rng.uniform(-0.1, 1.0)),
            float(rng.uniform(0.10, 0.34)),
            _from_hsv(hue + rng.uniform(-0.2, 0.2), rng.uniform(0.1, 0.4), rng.uniform(0.4, 0.95)),
        )
        for _ in range(int(rng.integers(2, 6)))
    )
    side = float(rng.choice([-1.0, 1.0]))
    direction = np.array([side * rng.uniform(0.35, 0.95), -rng.uniform(0.4, 0.9), 1.0])
    direction /= np.linalg.norm(direction)
    warmth = float(rng.uniform(-1, 1))
    return Scene(
        clothes=clothes,
        clothes_accent=accent,
        collar=str(rng.choice(["crew", "v", "shirt", "turtleneck"])),
        background=(top, bottom),
        blobs=blobs,
        light=tuple(float(value) for value in direction),
        light_color=(1.0 + 0.05 * warmth, 0.98, 0.95 - 0.06 * warmth),
        ambient_color=_mix((0.92, 0.94, 1.0), top, 0.35),
        rim_color=_mix((1.0, 1.0, 1.0), top, 0.4),
        texture_seed=int(rng.integers(2**31)),
    )


def _draw_hair_color(rng: np.random.Generator, tone: float, age: float) -> Color:
    if age > 0.72:
        name = rng.choice(["grey", "white", "dark brown"], p=[0.5, 0.3, 0.2])
    elif tone > 0.5:
        name = rng.choice(["black", "dark brown"], p=[0.65, 0.35])
    else:
        names = ["black", "dark brown", "brown", "light brown", "blond", "red"]
        name = rng.choice(names, p=[0.14, 0.22, 0.22, 0.16, 0.15, 0.11])
    return _jitter(rng, HAIR_COLORS[str(name)], 0.02)


def _draw_hair_style(rng: np.random.Generator, feminine: float, age: float) -> str:
    if feminine > 0.5:
        weights = [0.0, 0.01, 0.08, 0.06, 0.02, 0.10, 0.20, 0.25, 0.14, 0.14]
    else:
        bald = 0.05 + 0.12 * age
        weights = [bald, 0.15, 0.28, 0.23, 0.17, 0.08, 0.01, 0.05, 0.01, 0.02]
    return str(rng.choice(HAIR_STYLES, p=np.array(weights) / np.sum(weights)))


def _draw_beard(rng: np.random.Generator, feminine: float) -> str:
    if feminine > 0.5:
        return "none"
    return str(rng.choice(BEARDS, p=[0.42, 0.18, 0.10, 0.10, 0.20]))


def _draw_eye_color(rng: np.random.Generator, tone: float) -> int:
    return int(rng.integers(2)) if tone > 0.5 else int(rng.integers(len(EYE_COLORS)))


def _bounded(rng: np.random.Generator) -> float:
    """Draw a bell-shaped number in -1..1."""
    return float(rng.uniform(-1, 1) + rng.uniform(-1, 1)) / 1.4142 * 0.9


def _mix(first: Color, second: Color, amount: float) -> Color:
    return tuple(float(a + (b - a) * amount) for a, b in zip(first, second, strict=True))


def _mix_along(colors: tuple[Color, ...], position: float) -> Color:
    place = position * (len(colors) - 1)
    index = min(int(place), len(colors) - 2)
    return _mix(colors[index], colors[index + 1], place - index)


def _jitter(rng: np.random.Generator, color: Color, amount: float) -> Color:
    return tuple(float(np.clip(value + amount * rng.uniform(-1, 1), 0.02, 1.0)) for value in color)


def _from_hsv(hue: float, saturation: float, value: float) -> Color:
    """Convert hue (turns), saturation and value (0..1) to sRGB."""
    wheel = np.abs((np.array([0.0, 2 / 3, 1 / 3]) + hue) % 1 * 6 - 3) - 1
    rgb = value * (1 - saturation * (1 - np.clip(wheel, 0, 1)))
    return tuple(float(channel) for channel in rgb)
