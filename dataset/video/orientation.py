"""Phones store their pictures lying on the side, and a matrix that says how to turn them."""

import av
import numpy as np

Matrix = tuple[int, int, int, int]
"""a, b, c, d: (x, y) is shown at (ax + cy, bx + dy)."""


def shown_size(frame: av.VideoFrame) -> tuple[int, int]:
    """Return the width and height of a frame once it is upright."""
    a, b, *_ = display_matrix(frame)
    return (frame.height, frame.width) if abs(b) > abs(a) else (frame.width, frame.height)


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
