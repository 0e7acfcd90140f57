"""The shape in which pictures are shown, where it is not the one in which they are stored.

Phones store pictures lying on the side, and a matrix that says how to turn them; television and
discs stored pixels that are not square.
"""

from fractions import Fraction

import av
import numpy as np

MOST_STRETCHED = 4  # of a pixel's sides

Matrix = tuple[int, int, int, int]
"""a, b, c, d: (x, y) is shown at (ax + cy, bx + dy)."""


def square_pixels(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    """Return the size of a picture that is stretched, never shrunk, until its pixels are square.

    Args:
        width, height: as it is stored.
        aspect: width of a pixel over its height; None, or what cannot be meant: square.
    """
    if not aspect or not 1 / MOST_STRETCHED <= aspect <= MOST_STRETCHED:
        return width, height
    if aspect > 1:
        return round(width * aspect), height
    return width, round(height / aspect)


def upright_size(width: int, height: int, matrix: Matrix) -> tuple[int, int]:
    """Return the width and height of a picture once it is upright."""
    a, b, *_ = matrix
    return (height, width) if abs(b) > abs(a) else (width, height)


def turn_upright(picture: np.ndarray, matrix: Matrix) -> np.ndarray:
    """Turn or mirror a picture (H, W, 3) by quarter turns, as a file asks for.

    Args:
        picture: as it was decoded.
        matrix: see `Matrix`.
    """
    a, b, c, d = matrix
    if abs(b) > abs(a):
        picture, a, d = picture.transpose(1, 0, 2), c, b
    picture = picture[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]
    return np.ascontiguousarray(picture)


def display_matrix(frame: av.VideoFrame) -> Matrix:
    """Return how the file of a frame asks for it to be turned."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return 1, 0, 0, 1
    a, b, _, c, d, *_ = np.frombuffer(data, np.int32).tolist()
    return a, b, c, d
