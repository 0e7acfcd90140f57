"""Colours of drawn heads: sRGB 0..1 where people and scenes are described."""

import numpy as np

Color = tuple[float, float, float]


def linear(color: Color) -> np.ndarray:
    """Convert sRGB 0..1 to linear light, (3,) float32; the transfer curve is a square."""
    return np.array(color, np.float32) ** 2


def mix(first: Color, second: Color, amount: float) -> Color:
    """Go from one colour, at 0, to another, at 1."""
    return tuple(float(a + (b - a) * amount) for a, b in zip(first, second, strict=True))


def mix_along(colors: tuple[Color, ...], position: float) -> Color:
    """Go along a row of colours, from the first, at 0, to the last, at 1."""
    place = position * (len(colors) - 1)
    index = min(int(place), len(colors) - 2)
    return mix(colors[index], colors[index + 1], place - index)


def jitter(rng: np.random.Generator, color: Color, amount: float) -> Color:
    """Move every channel by up to `amount`."""
    return tuple(float(np.clip(value + amount * rng.uniform(-1, 1), 0.02, 1.0)) for value in color)


def pick(rng: np.random.Generator, colors: tuple[Color, ...], amount: float) -> Color:
    """Draw one of the colours, jittered by up to `amount`."""
    return jitter(rng, colors[int(rng.integers(len(colors)))], amount)


def from_hsv(hue: float, saturation: float, value: float) -> Color:
    """Convert hue (turns), saturation and value (0..1) to sRGB."""
    wheel = np.abs((np.array([0.0, 2 / 3, 1 / 3]) + hue) % 1 * 6 - 3) - 1
    rgb = value * (1 - saturation * (1 - np.clip(wheel, 0, 1)))
    return tuple(float(channel) for channel in rgb)
