"""The shape of hair: a shell over the skull with a hairline, or a fall; knots and tails."""

import dataclasses
from typing import NamedTuple

import numpy as np

from drawn_heads.drawing.surfaces import bump, loft, normals_of, smoothstep, spline
from drawn_heads.parts.hats import hat_line
from drawn_heads.parts.head import head_columns, head_knots, head_places
from drawn_heads.people import Person

LONG_STYLES = ("bob", "long", "bangs")
PULLED_BACK = ("bun", "ponytail")
UNDER_HAT = 0.4  # of its volume and thickness is left to hair under a hat
TUCKED = 0.12  # how far it reaches under the hat's edge, units of 10 cm


class Hair(NamedTuple):
    """A shell of hair in head space.

    `surface` is (rows, columns, 3). `cover` (rows, columns) is above 0 where hair grows, in units
    of 10 cm from the hairline. `follow` (rows,) tells how far a row hangs with the body, 0..1.
    """

    surface: np.ndarray
    cover: np.ndarray
    follow: np.ndarray


def build_hair(person: Person) -> Hair | None:
    """Build the hair of a person, or return None where none is seen."""
    if person.hair_style == "bald" or person.hat == "headscarf":
        return None
    if person.hat != "none":
        person = dataclasses.replace(person, hair_volume=UNDER_HAT * person.hair_volume)
        hair = _grow(person)
        under = hair.surface[..., 1] - hat_line(person, head_columns()) + TUCKED
        return hair._replace(cover=np.minimum(hair.cover, under))
    return _grow(person)


def _grow(person: Person) -> Hair:
    if person.hair_style in LONG_STYLES:
        return _long_hair(person)
    return _short_hair(person)


def build_knot(person: Person) -> np.ndarray:
    """Build the knot on the crown of the style "bun", or the tail of the style "ponytail"."""
    size = 0.27 + 0.08 * person.hair_volume
    polar = np.linspace(0.03, np.pi - 0.03, 12)[:, None]
    around = np.linspace(-np.pi, np.pi, 21)[None]
    x = size * np.sin(polar) * np.sin(around)
    z = size * np.sin(polar) * np.cos(around)
    if person.hair_style == "bun":
        y = -0.82 * size * np.cos(polar) - 1.28
        return np.stack([x, y + 0 * x, z - 0.30], axis=-1)
    down = (polar / np.pi) ** 1.2
    y = -0.62 + person.hair_length * 0.75 * down
    backward = 1.02 + 0.32 * np.sin(np.pi * np.clip(down * 1.1, 0, 1)) - 0.10 * down
    return np.stack([0.85 * x, y + 0 * x, 0.75 * z - backward], axis=-1)


def _short_hair(person: Person) -> Hair:
    angles = head_columns()
    scalp = loft(head_knots(person), head_places(), angles, person.jaw_roundness)[:37]
    line = _hairline(person, np.degrees(angles))
    cover = _distance_inside(line, angles, scalp)
    thick = _thickness(person, scalp, angles, cover) * (1 if person.hat == "none" else UNDER_HAT)
    surface = scalp + normals_of(scalp) * thick[..., None]
    return Hair(surface, cover, np.zeros(len(surface)))


def _distance_inside(line: np.ndarray, angles: np.ndarray, surface: np.ndarray) -> np.ndarray:
    """Return how far points lie above a hairline, near it; also right where the line is steep."""
    slope = np.gradient(line, 0.77 * angles)
    return (line - surface[..., 1]) / np.sqrt(1 + slope * slope)


def _hairline(person: Person, degrees: np.ndarray) -> np.ndarray:
    """Return the height of the hairline at every angle."""
    top = person.hairline
    across = np.abs(degrees)
    burn = 0.34 if person.beard in ("stubble", "chin strap", "short", "full") else 0.20
    bare = person.receding
    top = top - 0.10 * bare - 0.12 * max(0.0, bare - 0.6)
    at = (0, 22, 38, 50, 58, 66, 73, 84, 92, 112, 125, 180)
    height = (
        top,
        top + 0.01 - 0.16 * bare,
        top + 0.08 - 0.30 * bare,
        -0.46 - 0.26 * bare,
        -0.22,
        0.0,
        burn,
        burn - 0.06,
        -0.08,
        -0.04,
        0.3,
        0.5,
    )
    line = np.interp(across, at, height)
    if person.hair_style == "side part":
        swept = degrees * np.sign(person.hair_part)
        line += 0.13 * np.exp(-0.5 * ((swept + 22) / 17) ** 2)
    if person.hair_style == "short":
        line += (0.05 + 0.06 * person.curl) * np.exp(-0.5 * (degrees / 30) ** 2)
    if person.hair_style in PULLED_BACK:
        line = np.minimum(
            line, np.interp(across, (0, 58, 66, 80, 180), (1, -0.25, -0.12, -0.05, 0.5))
        )
    return line


def _thickness(
    person: Person, scalp: np.ndarray, angles: np.ndarray, cover: np.ndarray
) -> np.ndarray:
    """Return how far the hair stands off the scalp, (rows, columns)."""
    style, volume = person.hair_style, person.hair_volume
    x, y = scalp[..., 0], scalp[..., 1]
    edge = smoothstep(-0.01, 0.20, cover)
    top = smoothstep(-0.35, -0.95, y)
    if style == "buzz":
        return 0.004 + 0.026 * edge
    if style in PULLED_BACK:
        return 0.004 + 0.06 * edge
    if style == "curls":
        lumps = np.sin(7 * angles[None] + 2 * y) * np.sin(9 * y + 3 * angles[None])
        return 0.004 + (0.05 + volume * (0.06 + 0.07 * top) + 0.026 * lumps) * edge
    if style == "afro":
        lumps = np.sin(9 * angles[None] + 3 * y) * np.sin(8 * y + 2 * angles[None])
        round_out = smoothstep(0.0, 0.42, cover)
        tall = 0.13 + 0.11 * top
        return 0.004 + (tall * volume + 0.018 * lumps) * round_out * smoothstep(0.5, -0.2, y)
    sides = 1 - 0.55 * smoothstep(-0.55, -0.20, y)
    thick = 0.004 + (0.06 * sides + 0.085 * volume * top) * edge
    if style == "quiff":
        front = np.exp(-0.5 * (np.degrees(angles)[None] / 42) ** 2)
        thick += 0.17 * volume * front * bump(x, y, (0.05, -0.88), (0.6, 0.16)) * edge
    if style == "spiky":
        tips = np.abs(np.sin(11 * x + 4 * y)) * np.abs(np.sin(7 * y + 9 * angles[None]))
        thick += (0.02 + 0.16 * volume * tips) * top * edge
    if style == "side part":
        across = x * np.sign(person.hair_part) - abs(person.hair_part) * 0.5
        thick += 0.075 * volume * top * edge * smoothstep(0.04, -0.25, across)
        thick -= 0.05 * top * edge * np.exp(-0.5 * (across / 0.05) ** 2)
    # Locks of their own length, so that the outline is not one of a helmet.
    locks = np.sin(13 * angles[None] + 5 * y) * np.sin(8 * y - 3 * angles[None])
    locks += 0.6 * np.sin(29 * angles[None] - 3 * y)
    return thick * (1 + (0.10 + 0.22 * person.curl) * locks)


def _long_hair(person: Person) -> Hair:
    p = person
    length = {"bob": 0.72 + 0.22 * p.curl, "bangs": 0.5 * (0.8 + p.hair_length)}.get(
        p.hair_style, p.hair_length
    )
    angles = head_columns()
    skull = head_knots(person)[:6]
    skull[:, 1] += 0.09 * p.hair_volume * np.linspace(0.2, 1, 6)
    skull[:, 2] += 0.07 * p.hair_volume * np.linspace(1, 0.5, 6)
    skull[:, 3] -= 0.10 * p.hair_volume
    skull[:, 0] -= 0.11 * p.hair_volume * np.linspace(1, 0, 6)
    side = skull[-1, 1]
    falls = np.linspace(0.15, length + 0.05, 7)
    flare = 0.05 * p.hair_volume * np.sin(np.linspace(0.3, 2.6, 7)) + 0.05 * p.curl * (falls > 1.2)
    hang = np.stack(
        [
            falls,
            side + flare,
            np.linspace(0.66, 0.50, 7),
            np.full(7, -1.0),
            np.zeros(7),
            np.full(7, 0.93),
        ],
        axis=-1,
    )
    knots = np.concatenate([skull, hang])
    places = np.linspace(0, len(knots) - 1, 38)
    surface = loft(knots, places, angles, 1.0)
    y = spline(knots, places)[:, :1]
    wave = np.sin(7.5 * y + 4 * np.sin(angles)[None]) * smoothstep(0.0, 0.7, y)
    wave *= 0.008 + 0.030 * p.curl
    surface[..., 0] += wave * np.sign(np.sin(angles))[None]
    surface[..., 2] += wave
    degrees = np.degrees(angles)
    hangs = 0.72 * (degrees * np.sign(p.hair_part)) / 60
    parted = np.abs(degrees + 14 * p.hair_part)
    if p.hair_style == "bangs":
        at, height = (0, 34, 44, 52, 58), (-0.30, -0.26, -0.10, 0.35, length)
        line = np.interp(np.abs(degrees), at, height)
    else:
        at, height = (0, 16, 32, 46, 56, 64), (p.hairline, -0.60, -0.42, -0.12, 0.35, length)
        line = np.interp(parted, at, height) + 0 * hangs
    cover = _distance_inside(line, angles, surface)
    follow = smoothstep(0.55, 1.7, y[:, 0]) * 0.85
    return Hair(surface, cover, follow)
