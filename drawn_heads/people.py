"""Who is drawn: the parameters of one person, from child to old age."""

import dataclasses
from dataclasses import dataclass

import numpy as np

from drawn_heads.colors import Color, from_hsv, jitter, mix, mix_along, pick
from drawn_heads.drawing.surfaces import smoothstep
from drawn_heads.kinds import (
    BEARDS,
    CLOTHES,
    EARRINGS,
    EYE_COLORS,
    GLASSES,
    GREYS,
    HAIR_COLORS,
    HAIR_STYLES,
    HATS,
    METALS,
    RIMS,
    SKIN_TONES,
    UNDER_HAT,
)


@dataclass(frozen=True)
class Person:
    """Identity of one drawn person.

    Lengths are in units of 10 cm, colours are sRGB in 0..1, `age` is in years, other numbers are
    amounts of about 0..1.
    """

    age: float
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
    shoulders: float
    blush: float
    freckles: float
    moles: float
    pores: float
    shine: float
    wrinkles: float
    makeup: float
    eyeshadow: Color
    hair_style: str
    hair_length: float
    hair_volume: float
    hair_part: float
    hairline: float
    receding: float
    curl: float
    beard: str
    beard_length: float
    shadow_of_beard: float
    glasses: str
    glasses_color: Color
    glasses_rim: float
    glasses_tint: float
    hat: str
    hat_color: Color
    hat_accent: Color
    earrings: str
    metal: Color
    texture_seed: int


def draw_person(seed: int) -> Person:
    """Draw the identity of one person.

    Args:
        seed: non-negative integer; the same seed gives the same person.
    """
    rng = np.random.default_rng([seed, 1])
    feminine = float(rng.random() < 0.5) * 0.7 + 0.3 * rng.random()
    age = _draw_age(rng)
    tone = rng.random()
    person = Person(
        age=age,
        **_draw_colors(rng, feminine, age, tone),
        **_draw_shape(rng, feminine, age, tone),
        **_draw_skin(rng, feminine, age, tone),
        **_draw_hair(rng, feminine, age),
        **_draw_ornament(rng, feminine, age),
        texture_seed=int(rng.integers(2**31)),
    )
    return person if person.hat == "none" else _under_hat(person)


def _under_hat(person: Person) -> Person:
    style = UNDER_HAT.get(person.hair_style, person.hair_style)
    if person.hat == "hood" and style != "bald":
        style = "short"
    return dataclasses.replace(person, hair_style=style)


def _draw_age(rng: np.random.Generator) -> float:
    low, high = ((4, 14), (14, 50), (50, 88))[int(rng.choice(3, p=[0.14, 0.54, 0.32]))]
    return float(rng.uniform(low, high))


def _draw_colors(rng: np.random.Generator, feminine: float, age: float, tone: float) -> dict:
    skin = jitter(rng, mix_along(SKIN_TONES, tone), 0.015)
    if tone > 0.5:
        name = rng.choice(["black", "dark brown"], p=[0.65, 0.35])
    else:
        name = rng.choice(list(HAIR_COLORS), p=[0.14, 0.22, 0.22, 0.16, 0.15, 0.11])
    hair = jitter(rng, HAIR_COLORS[str(name)], 0.02)
    dyed = from_hsv(rng.random(), rng.uniform(0.3, 0.65), rng.uniform(0.35, 0.7))
    if rng.random() < 0.04 and 14 < age < 60:
        hair = dyed
    grey = float(smoothstep(0, 1, (age - 38 - 20 * rng.random()) / 26))
    hair = mix(hair, pick(rng, GREYS, 0.03), grey if rng.random() < 0.85 else 0.15 * grey)
    brow = mix(hair, (0.12, 0.09, 0.08), 0.45 * (1 - 0.7 * grey))
    redness = np.clip([0.80 - 0.14 * tone, 0.36 - 0.14 * tone, 0.37 - 0.11 * tone], 0, 1)
    lips = mix(skin, tuple(redness), 0.35 + 0.35 * feminine * rng.random())
    if feminine > 0.6 and age > 15 and rng.random() < 0.45:
        lipstick = from_hsv(rng.uniform(-0.07, 0.04), rng.uniform(0.45, 0.85), 0.80 - 0.25 * tone)
        lips = mix(lips, lipstick, rng.uniform(0.4, 0.9))
    kinds = EYE_COLORS[:2] if tone > 0.5 else EYE_COLORS
    return {
        "skin": skin,
        "lips": lips,
        "hair": hair,
        "iris": pick(rng, kinds, 0.03),
        "brow_color": brow,
        "eyeshadow": from_hsv(rng.random(), rng.uniform(0.1, 0.5), rng.uniform(0.3, 0.6)),
    }


def _draw_shape(rng: np.random.Generator, feminine: float, age: float, tone: float) -> dict:
    child = float(smoothstep(17, 4, age))
    old = float(smoothstep(48, 85, age))

    def around(center: float, spread: float, fem: float = 0.0, kid: float = 0.0, aged: float = 0.0):
        shift = fem * (feminine - 0.5) * (1 - child) + kid * child + aged * old
        return float(center + spread * _bounded(rng) + shift)

    return {
        "face_width": around(0.765, 0.045, -0.03, -0.01),
        "jaw_width": around(0.63, 0.05, -0.06, -0.05, 0.02),
        "jaw_roundness": around(1.12, 0.16, -0.12, 0.04, 0.02),
        "chin_y": around(1.115, 0.06, -0.05, -0.13),
        "chin_forward": around(0.03, 0.03, -0.02, -0.02),
        "cheeks": around(0.5, 0.4, 0.2, 0.45, -0.25),
        "eye_x": around(0.335, 0.022),
        "eye_y": around(0.02, 0.03, 0.0, 0.075),
        "eye_width": around(0.168, 0.014, 0.012, 0.008, -0.006),
        "eye_height": around(0.088, 0.016, 0.014, 0.012, -0.014),
        "eye_tilt": around(0.02, 0.028, 0.015, 0.0, -0.022),
        "brow_y": around(-0.215, 0.03, -0.03, 0.055, 0.012),
        "brow_thickness": around(0.040, 0.013, -0.020, -0.017),
        "brow_arch": around(0.045, 0.028, 0.02, -0.005),
        "brow_tilt": around(0.0, 0.03),
        "nose_length": around(0.40, 0.05, -0.02, -0.025, 0.025),
        "nose_width": around(0.155, 0.03, -0.025, -0.022, 0.012) + 0.03 * tone,
        "nose_height": around(0.25, 0.045, -0.03, -0.085, 0.015),
        "nose_tip": around(0.0, 0.03, -0.015, -0.02, 0.015),
        "mouth_y": around(0.715, 0.025, 0.0, -0.045, 0.01),
        "mouth_width": around(0.265, 0.03, -0.015, -0.04),
        "upper_lip": around(0.064, 0.016, 0.018, 0.0, -0.018) + 0.012 * tone,
        "lower_lip": around(0.086, 0.018, 0.018, 0.0, -0.018) + 0.012 * tone,
        "ear_size": around(1.0, 0.14, -0.1, 0.0, 0.12),
        "neck_width": around(0.43, 0.03, -0.10, -0.11),
        "shoulders": around(1.0, 0.06, -0.12, -0.24),
    }


def _draw_skin(rng: np.random.Generator, feminine: float, age: float, tone: float) -> dict:
    grown = age > 15
    freckled = rng.random() < 0.22 and tone < 0.45
    return {
        "blush": float(rng.random() * (1.0 - 0.6 * tone)),
        "freckles": float(rng.uniform(0.3, 1.0) * freckled),
        "moles": float(rng.random() ** 2),
        "pores": float(rng.uniform(0.3, 1.0) * smoothstep(8, 30, age)),
        "shine": float(rng.uniform(0.4, 1.5)),
        "wrinkles": float(np.clip((age - 30 + rng.uniform(-6, 6)) / 42, 0, 1.2)),
        "makeup": float(rng.random() * (feminine > 0.6 and grown and rng.random() < 0.75)),
    }


def _draw_hair(rng: np.random.Generator, feminine: float, age: float) -> dict:
    masculine = feminine < 0.5
    weights = np.array([pair[int(masculine)] for pair in HAIR_STYLES.values()])
    if masculine:
        weights[0] += 0.14 * smoothstep(35, 80, age)
    weights[:2] *= age > 16
    grown_man = masculine and age > 18
    beard = str(rng.choice(list(BEARDS), p=list(BEARDS.values())))
    receding = rng.random() * smoothstep(24, 65, age) * masculine
    return {
        "hair_style": str(rng.choice(list(HAIR_STYLES), p=weights / weights.sum())),
        "hair_length": float(rng.uniform(1.25, 2.1)),
        "hair_volume": float(rng.uniform(0.6, 1.4)) * float(1 - 0.3 * smoothstep(55, 85, age)),
        "hair_part": float(rng.choice([-1.0, 1.0]) * rng.uniform(0.25, 0.7)),
        "hairline": float(-0.67 + 0.05 * _bounded(rng) + 0.04 * (feminine - 0.5)),
        "receding": float(receding),
        "curl": float(rng.random()),
        "beard": beard if grown_man else "none",
        "beard_length": float(rng.random() ** 1.5),
        "shadow_of_beard": float(rng.random()) * grown_man,
    }


def _draw_ornament(rng: np.random.Generator, feminine: float, age: float) -> dict:
    masculine = feminine < 0.5
    hat = str(rng.choice(list(HATS), p=[pair[int(masculine)] for pair in HATS.values()]))
    dark = rng.random() < 0.16 and age > 12
    earring = rng.random() < (0.06 if masculine else 0.45) and age > 6
    return {
        "glasses": str(rng.choice(list(GLASSES), p=list(GLASSES.values()))),
        "glasses_color": pick(rng, RIMS, 0.05),
        "glasses_rim": float(rng.uniform(0.35, 1.3)),
        "glasses_tint": float(rng.uniform(0.5, 0.93) if dark else 0.12 * rng.random()),
        "hat": hat,
        "hat_color": pick(rng, CLOTHES, 0.08),
        "hat_accent": pick(rng, CLOTHES, 0.08),
        "earrings": str(rng.choice(EARRINGS)) if earring else "none",
        "metal": pick(rng, METALS, 0.03),
    }


def _bounded(rng: np.random.Generator) -> float:
    """Draw a bell-shaped number in -1..1."""
    return float(rng.uniform(-1, 1) + rng.uniform(-1, 1)) / 1.4142 * 0.9
