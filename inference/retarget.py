"""A driver's motion on another person's face."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from dataset.shape import face_shape, mirrored_shapes

INNER_LIPS = 62, 66  # the middle of the upper and of the lower one
CALIBRATION = 250  # frames of the driver that tell its shape of face: ten seconds
REST = 75  # frames among which the driver is looked for at rest: three seconds
NEIGHBOURS = 3  # frames of the driver that each picture of the source is held against


Move = Callable[[np.ndarray], np.ndarray]
"""From the driver's landmarks (68, 2) to those that are drawn, (68, 2) float32."""


class Motion(NamedTuple):
    """A way to change a driver's landmarks before they are drawn."""

    ahead: int
    """So many frames of the driver are looked at first."""
    learn: Callable[[np.ndarray, np.ndarray], Move]
    """From landmarks (F, 68, 2) of the driver and (T, 68, 2) of the source."""


def moved(motion: str, driving: Iterable[np.ndarray], sources: np.ndarray) -> Iterator[np.ndarray]:
    """Give the landmarks to draw for a driver's, one after the other.

    Args:
        motion: relative or retargeted; its first frames are read ahead.
        driving: (68, 2) landmarks of the driver, frame by frame.
        sources: (T, 68, 2) landmarks of the person, in pixels of the frames to draw.

    Yields:
        (68, 2) float32.
    """
    driving, (count, learn) = iter(driving), MOTIONS[motion]
    ahead = list(itertools.islice(driving, count))
    if ahead:
        yield from map(learn(np.stack(ahead), sources), itertools.chain(ahead, driving))


def retargeted(seen: np.ndarray, sources: np.ndarray) -> Move:
    """Move as and where the driver does, with the source's shape of face.

        driver_t + a_t difference

    in complex numbers x + i y, where a_t turns and scales the driver's mean shape to fit driver_t.
    The difference of the two shapes is a mean over the pictures of the source, each held against
    the driver's frames that are nearest in pose and expression, so that these cancel; damped as if
    one picture more had shown no difference, so that a single one is not taken at its word.

    Args:
        seen: (F, 68, 2) landmarks of the driver.
        sources: (T, 68, 2) landmarks of the person, in pixels of any frame.

    Differs from the paper: it hands the driver's landmarks on as they are.
    """
    mean = _complex(face_shape(seen))
    difference = _shape_difference(mirrored_shapes(sources), mirrored_shapes(seen), mean)

    def move(points: np.ndarray) -> np.ndarray:
        change = np.vdot(mean, _complex(points - points.mean(0))) * difference
        return (points + np.stack([change.real, change.imag], -1)).astype(np.float32)

    return move


def relative(seen: np.ndarray, sources: np.ndarray) -> Move:
    """Move the source's own face as the driver's moves, so that the driver's shape stays out.

    The driver's rest is the most neutral of the frames that were seen; the source's is the picture
    that resembles it most.

    Args:
        seen: (F, 68, 2) landmarks of the driver.
        sources: (T, 68, 2) landmarks of the person, in pixels of the frames to draw.
    """
    rest = seen[most_neutral(seen)]
    return moved_from(rest, sources[most_similar(rest, sources)])


def moved_from(rest: np.ndarray, source: np.ndarray) -> Move:
    """Move a face as another one moves from its rest.

        source + (driver_t - rest) * size(source) / size(rest)

    Args:
        rest, source: (68, 2).

    Differs from the paper: it hands the driver's landmarks on as they are.
    """
    scale = face_size(source) / face_size(rest)
    return lambda points: (source + (points - rest) * scale).astype(np.float32)


def most_neutral(landmarks: np.ndarray) -> int:
    """Find the face among (F, 68, 2) that looks straight ahead with its mouth closed.

    It is the one least different from its own mirror image, the gap between its lips counted in.
    """
    shapes, mirrored = np.split(mirrored_shapes(landmarks), 2)
    likeness = np.abs((shapes.conj() * mirrored).sum(-1))
    turned = np.sqrt(2 - 2 * likeness.clip(max=1))  # of unit size, like a point's share of it
    upper, lower = INNER_LIPS
    gap = np.linalg.norm(landmarks[:, upper] - landmarks[:, lower], axis=-1)
    return int((turned + gap / face_size(landmarks)).argmin())


def most_similar(landmarks: np.ndarray, candidates: np.ndarray) -> int:
    """Find the candidate of the nearest pose and expression, wherever and however large it is.

    Args:
        landmarks: (68, 2).
        candidates: (T, 68, 2).
    """
    distances = _standardized(candidates) - _standardized(landmarks)
    return int(np.linalg.norm(distances, axis=-1).mean(-1).argmin())


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


MOTIONS = {
    "relative": Motion(REST, relative),
    "retargeted": Motion(CALIBRATION, retargeted),
}
"""By the name of `--motion`."""
