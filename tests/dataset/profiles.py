"""Colour profiles, and a chart of known colours in each of their spaces, from the definitions."""

import struct

import numpy as np

SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))  # chromaticities of red, green and blue
DISPLAY_P3 = ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06))
ADOBE_RGB = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
ADOBE_GAMMA = 563 / 256
D65 = np.array([0.3127 / 0.3290, 1, (1 - 0.3127 - 0.3290) / 0.3290])  # XYZ
D50 = np.array([0.9642, 1, 0.8249])  # as the ICC writes it
BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


def chart() -> np.ndarray:
    """Return a chart of colours that all three spaces have, (96, 144, 3) uint8 sRGB."""
    skin = [(200, 137, 102), (94, 58, 44), (241, 206, 187), (60, 90, 150), (80, 150, 70)]
    greys = [(level,) * 3 for level in (10, 60, 128, 200, 245)]
    colours = [(180, 60, 60), (70, 60, 160), (210, 190, 70), (160, 80, 150), (40, 130, 140)]
    patches = np.array([*skin, *greys, *colours, *skin, *greys[:4]], np.uint8).reshape(4, 6, 3)
    return patches.repeat(24, 0).repeat(24, 1)


def encoded(frame: np.ndarray, primaries, gamma: float | None = None) -> np.ndarray:
    """Return sRGB colours in another space of white D65; without a gamma it has sRGB's curve."""
    linear = _eotf(frame / 255) @ (np.linalg.inv(_matrix(primaries)) @ _matrix(SRGB)).T
    linear = linear.clip(0, 1)
    curved = linear ** (1 / gamma) if gamma else _inverse_eotf(linear)
    return np.rint(255 * curved).astype(np.uint8)


def profile(primaries, gamma: float | None = None) -> bytes:
    """Return an ICC profile, version 2, of such a space."""
    matrix = _adapted(_matrix(primaries))
    steps = np.linspace(0, 1, 1024)
    curve = steps**gamma if gamma else _eotf(steps)
    values = np.rint(65535 * curve).astype(">u2").tobytes()
    curve = b"curv\0\0\0\0" + struct.pack(">I", len(steps)) + values
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(78),
        b"cprt": b"text\0\0\0\0none\0\0\0\0",
        b"wtpt": _xyz(D50),
        **dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), map(_xyz, matrix.T), strict=True)),
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(
        ">I4sI4s4s4s", start + len(body), b"none", 0x02400000, b"mntr", b"RGB ", b"XYZ "
    )
    head += bytes(12) + b"acsp" + bytes(28) + _xyz(D50)[8:] + bytes(48)
    return head + table + body


def _eotf(values: np.ndarray) -> np.ndarray:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _inverse_eotf(values: np.ndarray) -> np.ndarray:
    return np.where(values <= 0.0031308, values * 12.92, 1.055 * values ** (1 / 2.4) - 0.055)


def _colour(xy: tuple[float, float]) -> np.ndarray:
    return np.array([xy[0] / xy[1], 1, (1 - sum(xy)) / xy[1]])


def _matrix(primaries) -> np.ndarray:
    """Return the matrix from linear colours to XYZ, white D65."""
    columns = np.stack([_colour(xy) for xy in primaries], 1)
    return columns * np.linalg.solve(columns, D65)


def _adapted(matrix: np.ndarray) -> np.ndarray:
    """Bring colours from white D65 to D50, which profiles are written in."""
    scale = (BRADFORD @ D50) / (BRADFORD @ D65)
    return np.linalg.inv(BRADFORD) @ (scale[:, None] * BRADFORD) @ matrix


def _xyz(values: np.ndarray) -> bytes:
    return b"XYZ \0\0\0\0" + np.rint(values * 65536).astype(">i4").tobytes()
