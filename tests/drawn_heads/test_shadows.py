"""What is drawn casts shadows on what lies behind it, away from the light."""

import numpy as np
import pytest

from drawn_heads.drawing.canvas import Canvas
from drawn_heads.drawing.shadows import cast_shadows

SIZE, UNIT = 176, 58.0
POST = slice(84, 92)


def shadow_of_a_post(direction: tuple[float, float, float], hardness: float = 1.0) -> np.ndarray:
    """Return the light left on a wall behind a post, by column, 1 is all of it."""
    canvas = Canvas(np.ones((SIZE, SIZE, 3), np.float32))
    canvas.depth[:] = 0
    canvas.depth[:, POST] = 0.4
    canvas.key[:] = 1
    cast_shadows(canvas, UNIT, direction, hardness)
    return canvas.color[SIZE // 2, :, 0]


@pytest.mark.parametrize("side", [-1, 1])
def test_a_shadow_falls_away_from_the_light(side):
    light = shadow_of_a_post((0.7 * side, 0.0, 0.714))
    beside, lit = slice(70, 80), slice(96, 106)
    if side < 0:
        beside, lit = lit, beside
    assert light[beside].mean() < 0.5
    assert light[lit].min() > 0.97
    assert light[POST].mean() > 0.75
    assert light[:40].min() > 0.99


def test_soft_light_and_light_from_behind_cast_little_or_nothing():
    hard, soft = (shadow_of_a_post((0.7, 0.0, 0.714), hardness) for hardness in (1.0, 0.2))
    assert hard.min() < soft.min() - 0.2
    assert (shadow_of_a_post((1.0, 0.0, -0.1)) == 1).all()


def test_a_shadow_takes_away_only_the_key_light():
    canvas = Canvas(np.ones((SIZE, SIZE, 3), np.float32))
    canvas.depth[:] = 0
    canvas.depth[:, POST] = 0.4
    cast_shadows(canvas, UNIT, (0.7, 0.0, 0.714), 1.0)
    assert (canvas.color == 1).all()
