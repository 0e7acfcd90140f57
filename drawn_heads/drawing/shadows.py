"""Shadows that what is drawn casts on itself: of nose, brow, chin, hair and hat."""

import cv2
import numpy as np

from drawn_heads.drawing.canvas import Canvas

GRID = 88  # side of the depth map that is searched: shadows are soft
STEPS = np.float32([0.05, 0.09, 0.14, 0.20, 0.27, 0.35, 0.44, 0.55, 0.68, 0.84, 1.05, 1.30])
FARTHEST = -2.5  # depth of what is not drawn, head units


def cast_shadows(
    canvas: Canvas, unit: float, direction: tuple[float, float, float], hardness: float
) -> None:
    """Take the key light away from what does not see it.

    Every pixel of the depth map looks towards the light for something that is nearer to the camera
    than its line of sight.

    Args:
        canvas: with all surfaces drawn.
        unit: pixels per head unit.
        direction: unit vector towards the light; one from behind the head casts none.
        hardness: 0 gives faint and soft shadows, 1 full ones.
    """
    x, y, z = direction
    if z < 0.02 or hardness < 0.05:
        return
    scale = GRID / canvas.size
    depth = cv2.resize(canvas.depth, (GRID, GRID), interpolation=cv2.INTER_NEAREST)
    depth = np.maximum(depth, np.float32(FARTHEST))
    shadow = np.zeros_like(depth)
    for step in STEPS:
        move = np.float32([[1, 0, -x * step * unit * scale], [0, 1, -y * step * unit * scale]])
        toward = cv2.warpAffine(depth, move, (GRID, GRID), borderValue=FARTHEST)
        above = toward - depth - np.float32(z * step + 0.025 + 0.03 * step)
        np.maximum(shadow, np.minimum(above * np.float32(14), 1), out=shadow)
    blur = (0.022 + 0.03 * (1 - hardness)) * unit * scale
    shadow = cv2.GaussianBlur(shadow, (0, 0), max(blur, 0.6))
    shadow = cv2.resize(shadow, (canvas.size, canvas.size), interpolation=cv2.INTER_LINEAR)
    shadow *= canvas.key
    shadow *= np.float32(-(0.45 + 0.45 * hardness))
    shadow += 1
    canvas.color *= shadow[..., None]
