"""Surfaces as grids of points (rows, columns, 3), and the curves and hills that shape them."""

import numpy as np


def smoothstep(low: float, high: float, values: np.ndarray) -> np.ndarray:
    """Rise smoothly from 0 at `low` to 1 at `high`, elementwise."""
    t = np.clip((values - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def bump(x: np.ndarray, y: np.ndarray, center: tuple[float, float], spread: tuple[float, float]):
    """Return a Gaussian hill of height 1 over the face plane."""
    return np.exp(-0.5 * (((x - center[0]) / spread[0]) ** 2 + ((y - center[1]) / spread[1]) ** 2))


def spline(knots: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Interpolate knots (n, channels) at fractional knot numbers, Catmull-Rom."""
    padded = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    index = np.clip(places.astype(int), 0, len(knots) - 2)
    t = (places - index)[:, None]
    a, b, c, d = (padded[index + offset] for offset in range(4))
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))


def normals_of(surface: np.ndarray) -> np.ndarray:
    """Return the unit normals (rows, columns, 3) of a surface, pointing outwards."""
    across = np.empty_like(surface)
    across[:, 1:-1] = surface[:, 2:] - surface[:, :-2]
    across[:, 0] = surface[:, 1] - surface[:, 0]
    across[:, -1] = surface[:, -1] - surface[:, -2]
    down = np.empty_like(surface)
    down[1:-1] = surface[2:] - surface[:-2]
    down[0], down[-1] = surface[1] - surface[0], surface[-1] - surface[-2]
    normal = np.empty_like(surface)
    for axis in range(3):
        i, j = (axis + 1) % 3, (axis + 2) % 3
        normal[..., axis] = across[..., i] * down[..., j] - across[..., j] * down[..., i]
    x, y, z = normal[..., 0], normal[..., 1], normal[..., 2]
    length = np.sqrt(x * x + y * y + z * z)
    normal /= (length + 1e-9)[..., None]
    if length[0].max() < 1e-6:  # a pole has no direction of its own
        normal[0] = normal[1]
    return normal


def surface_at(surface: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the points (n, 3) at fractional (column, row) places (n, 2), bilinear."""
    rows, columns = surface.shape[:2]
    column = np.clip(places[:, 0], 0, columns - 1.001)
    row = np.clip(places[:, 1], 0, rows - 1.001)
    i, j = row.astype(int), column.astype(int)
    a, b = (column - j)[:, None], (row - i)[:, None]
    top = surface[i, j] * (1 - a) + surface[i, j + 1] * a
    bottom = surface[i + 1, j] * (1 - a) + surface[i + 1, j + 1] * a
    return top * (1 - b) + bottom * b


def loft(knots: np.ndarray, places: np.ndarray, angles: np.ndarray, roundness: float) -> np.ndarray:
    """Sweep rings through knots; returns (places, angles, 3).

    Args:
        knots: (n, 6) y, half-width, front z, back z, lift (how much higher the back lies) and
            taper (1 is round, above 1 pointed in front).
        places: (rows,) fractional knot numbers.
        angles: (columns,) radians round the head.
        roundness: exponent of the jaw's curve; above 1 is square, below 1 pointed.
    """
    y, width, front, back, lift, taper = (value[:, None] for value in spline(knots, places).T)
    sine, cosine = np.sin(angles)[None], np.cos(angles)[None]
    flat = np.sign(cosine) * np.abs(cosine) ** 0.85
    x = width * np.sign(sine) * np.abs(sine) ** taper
    z = np.where(cosine > 0, front, -back) * flat
    climb = ((1 - cosine) / 2) ** roundness
    return np.stack([x, y - lift * climb, z + 0 * x], axis=-1)


def with_depth(values: np.ndarray, surface: np.ndarray) -> np.ndarray:
    """Append the depth to values of a surface's points: (rows, columns, channels + 1) float32."""
    return np.concatenate([values, surface[..., 2:]], axis=-1, dtype=np.float32)
