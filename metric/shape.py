"""How much of one face's shape another one has taken over."""

import math

import torch
from torch import Tensor

SAME_SHAPE = 1e-10  # squared distance of two shapes of unit size: what rounding leaves of none


def identity_leak(output: Tensor, source: Tensor, driver: Tensor) -> float:
    """Return how much of the driver's face the output took over, beside the source's.

    Output and driver are aligned to the source; then it is the part of (output - source) along
    (driver - source), as a share of the latter: 0 keeps the source's shape, 1 has the driver's.
    An average face, which lies between the two, and that of a third person score about 0.5.
    On drawn heads, shapes of 8, 32 and 64 frames, one a second, leave a standard deviation of
    0.2, 0.04 and 0.03: a second of video is too little to tell a shape from a pose.

    Args:
        output, source, driver: (68, 2) shapes of faces, see `dataset.shape.face_shape`.

    Returns:
        The share, which may lie outside 0..1; NaN when driver and source have one shape.
    """
    source, output, driver = (_shape(x.double()[None])[0] for x in (source, output, driver))
    leaked, whole = (_aligned(x, source) - source for x in (output, driver))
    size = whole.abs().square().sum()
    if size < SAME_SHAPE:
        return math.nan
    return ((whole.conj() @ leaked).real / size).item()


def _shape(landmarks: Tensor) -> Tensor:
    """Remove position and size: (F, 68, 2) to (F, 68) complex."""
    z = torch.view_as_complex(landmarks.contiguous())
    z = z - z.mean(1, keepdim=True)
    return z / z.abs().square().sum(1, keepdim=True).sqrt()


def _aligned(shape: Tensor, source: Tensor) -> Tensor:
    """Undo the scale and rotation that fit the source to a shape; both (68,), of unit size."""
    return shape / (source.conj() @ shape)
