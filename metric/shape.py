"""The shape of a face apart from where it is, how large, how tilted and how it moves."""

import math

import torch
from torch import Tensor

from metric.geometry import OUTER_EYES

# The point that takes each point's place in a mirror: oval, brows, nose, eyes, lips.
MIRRORED = (
    *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31,
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
)  # fmt: skip
SAME_SHAPE = 1e-10  # squared distance of two shapes of unit size: what rounding leaves of none


def face_shape(landmarks: Tensor) -> Tensor:
    """Return the mean shape of a face's landmarks, so that expressions and turns average out.

    It is the shape that is nearest to all frames and their mirror images, once each has been
    shifted, scaled and rotated to fit it best: symmetric, so that a turn to the side cancels. As
    complex numbers it is the first eigenvector of the sum of z z^H over shapes z of unit size.

    Args:
        landmarks: (F, 68, 2) (x, y) in pixels; frames with NaN are left out.

    Returns:
        (68, 2) about 0, of unit size (root of the sum of squares), its outer eye corners level;
        NaN when there is no frame.

    Source: Kent 1994, "The complex Bingham distribution and shape analysis".
    """
    found = landmarks[torch.isfinite(landmarks).all(-1).all(-1)]
    if len(found) == 0:
        return torch.full_like(landmarks[:1], torch.nan)[0]
    z = mirrored_shapes(found.double())
    _, vectors = torch.linalg.eigh(z.T @ z.conj())  # ascending
    mean = vectors[:, -1]
    right, left = OUTER_EYES
    level = mean[left] - mean[right]
    mean = mean * level.conj() / level.abs()
    return torch.view_as_real(mean).to(landmarks.dtype)


def mirrored_shapes(landmarks: Tensor) -> Tensor:
    """Return the shapes of faces and of their mirror images as complex numbers x + i y.

    Args:
        landmarks: (F, 68, 2).

    Returns:
        (2 F, 68) complex, each about 0 and of unit size: first the faces, then the mirror images.
    """
    mirror_image = landmarks[:, MIRRORED] * landmarks.new_tensor([-1, 1])
    return _shape(torch.cat([landmarks, mirror_image]))


def identity_leak(output: Tensor, source: Tensor, driver: Tensor) -> float:
    """Return how much of the driver's face the output took over, beside the source's.

    Output and driver are aligned to the source; then it is the part of (output - source) along
    (driver - source), as a share of the latter: 0 keeps the source's shape, 1 has the driver's.
    An average face, which lies between the two, and that of a third person score about 0.5.
    On drawn heads, shapes of 8, 32 and 64 frames, one a second, leave a standard deviation of
    0.2, 0.04 and 0.03: a second of video is too little to tell a shape from a pose.

    Args:
        output, source, driver: (68, 2) shapes of faces, see `face_shape`.

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
