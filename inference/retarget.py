"""A driver's motion on another person's face."""

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
import torch

from metric.shape import face_shape, mirrored_shapes

INNER_LIPS = 62, 66  # the middle of the upper and of the lower one
CALIBRATION = 250  # frames of the driver that tell its shape of face: ten seconds
REST = 75  # frames among which the driver is looked for at rest: three seconds
NEIGHBOURS = 3  # frames of the driver that each picture of the source is held against


def retargeted_motion(driving: Iterable[np.ndarray], sources: np.ndarray) -> Iterator[np.ndarray]:
    """Move as and where the driver does, with the source's shape of face.

        driver_t + a_t difference

    in complex numbers x + i y, where a_t turns and scales the driver's mean shape to fit driver_t.
    The difference of the two shapes is a mean over the pictures of the source, each held against
    the driver's frames that are nearest in pose and expression, so that these cancel; damped as if
    one picture more had shown no difference, so that a single one is not taken at its word.

    The first `CALIBRATION` frames are read ahead.

    Args:
        driving: (68, 2) landmarks of the driver, frame by frame.
        sources: (T, 68, 2) landmarks of the person, in pixels of any frame.

    Yields:
        (68, 2) float32.

    Differs from the paper: it hands the driver's landmarks on as they are.
    """
    driving = iter(driving)
    ahead = list(itertools.islice(driving, CALIBRATION))
    if not ahead:
        return
    seen = np.stack(ahead)
    mean = _complex(face_shape(torch.from_numpy(seen)).numpy())
    difference = _shape_difference(_shapes(sources), _shapes(seen), mean)
    for points in itertools.chain(ahead, driving):
        moved = np.vdot(mean, _complex(points - points.mean(0))) * difference
        yield (points + np.stack([moved.real, moved.imag], -1)).astype(np.float32)


def relative_motion(driving: Iterable[np.ndarray], sources: np.ndarray) -> Iterator[np.ndarray]:
    """Move the source's own face as the driver's moves, so that the driver's shape stays out.

        source + (driver_t - rest) * size(source) / size(rest)

    `rest` is the most neutral of the driver's first `REST` frames, which are read ahead; `source`
    is the picture that resembles it most.

    Args:
        driving: (68, 2) landmarks of the driver, frame by frame.
        sources: (T, 68, 2) landmarks of the person, in pixels of the frames to draw.

    Yields:
        (68, 2) float32.

    Differs from the paper: it hands the driver's landmarks on as they are.
    """
    driving = iter(driving)
    ahead = list(itertools.islice(driving, REST))
    if not ahead:
        return
    rest = most_neutral(np.stack(ahead))
    source = most_similar(rest, sources)
    scale = face_size(source) / face_size(rest)
    for points in itertools.chain(ahead, driving):
        yield (source + (points - rest) * scale).astype(np.float32)


def most_neutral(landmarks: np.ndarray) -> np.ndarray:
    """Return the face (68, 2) of (F, 68, 2) that looks straight ahead with its mouth closed.

    It is the one least different from its own mirror image, the gap between its lips counted in.
    """
    shapes, mirrored = np.split(_shapes(landmarks), 2)
    likeness = np.abs((shapes.conj() * mirrored).sum(-1))
    turned = np.sqrt(2 - 2 * likeness.clip(max=1))  # of unit size, like a point's share of it
    upper, lower = INNER_LIPS
    gap = np.linalg.norm(landmarks[:, upper] - landmarks[:, lower], axis=-1)
    return landmarks[(turned + gap / face_size(landmarks)).argmin()]


def most_similar(landmarks: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Return the candidate of the nearest pose and expression, wherever and however large it is.

    Args:
        landmarks: (68, 2).
        candidates: (T, 68, 2).
    """
    distances = _standardized(candidates) - _standardized(landmarks)
    return candidates[np.linalg.norm(distances, axis=-1).mean(-1).argmin()]


def face_size(landmarks: np.ndarray) -> np.ndarray:
    """Return the root mean square distance of landmarks (..., 68, 2) from their mean: (...)."""
    centered = landmarks - landmarks.mean(-2, keepdims=True)
    return np.sqrt(np.square(centered).sum(-1).mean(-1))


def _shape_difference(sources: np.ndarray, driving: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return the source's shape less the driver's, complex (68,), turned as `mean` is.

    Args:
        sources, driving: complex (T, 68) and (F, 68), see `_shapes`.
        mean: the driver's mean shape, complex (68,), of unit size.
    """
    likeness = sources @ driving.conj().T
    nearest = np.argsort(-np.abs(likeness), axis=1)[:, :NEIGHBOURS]
    likeness = np.take_along_axis(likeness, nearest, axis=1)
    driving = driving[nearest]
    differences = sources[:, None] * _turn(likeness.conj()) - driving
    pictures = len(sources) / 2  # each stands there twice, once mirrored
    mean_difference = (differences * _turn(driving.conj() @ mean)).mean((0, 1))
    return mean_difference * pictures / (pictures + 1)


def _shapes(landmarks: np.ndarray) -> np.ndarray:
    """Return the shapes of faces (F, 68, 2) and of their mirror images: complex (2 F, 68)."""
    return mirrored_shapes(torch.from_numpy(landmarks).double()).numpy()


def _complex(points: np.ndarray) -> np.ndarray:
    """Return points (..., 2) as x + i y."""
    return points[..., 0] + 1j * points[..., 1]


def _turn(numbers: np.ndarray) -> np.ndarray:
    """Return the rotations (..., 1) that complex numbers (...) stand for."""
    return (numbers / np.abs(numbers))[..., None]


def _standardized(landmarks: np.ndarray) -> np.ndarray:
    """Move the mean to the origin and scale the size to 1."""
    centered = landmarks - landmarks.mean(-2, keepdims=True)
    return centered / face_size(landmarks)[..., None, None]


MOTIONS = {"relative": relative_motion, "retargeted": retargeted_motion}
"""Ways to change a driver's landmarks before they are drawn, by the name of `--motion`."""
