"""How a network of face recognition wants faces cut out."""

from collections.abc import Mapping
from typing import NamedTuple

Landmarks = tuple[int, ...]
# Eyes, nose tip and corners of the mouth, from the picture's left to its right.
FIVE_POINTS: tuple[Landmarks, ...] = (
    (36, 37, 38, 39, 40, 41), (42, 43, 44, 45, 46, 47), (30,), (48,), (54,),
)  # fmt: skip


class Framing(NamedTuple):
    """The crop that a network was trained on."""

    size: int
    """Side of the crop, pixels."""
    template: Mapping[Landmarks, tuple[float, float]]
    """Landmarks of the 68, by number -> where the crop has their mean: (x, y) in its pixels, with
    the centre of the first at 0."""
    fitted_in_picture: bool = False
    """The template is laid on the face with the least error in the picture; else the face on the
    template, with the least error in the crop. That differs in scale where they do not agree."""
