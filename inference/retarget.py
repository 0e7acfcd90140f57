"""A driver's motion on another person's face."""

from collections.abc import Iterable, Iterator

import numpy as np


def relative_motion(driving: Iterable[np.ndarray], sources: np.ndarray) -> Iterator[np.ndarray]:
    """Move the source's own face as the driver's moves, so that the driver's shape stays out.

        source + (driver_t - driver_0) * size(source) / size(driver_0)

    The driver's first frame is its rest; `source` is the picture that resembles it most.

    Args:
        driving: (68, 2) landmarks of the driver, frame by frame.
        sources: (T, 68, 2) landmarks of the person, in pixels of the frames to draw.

    Yields:
        (68, 2) float32.

    Differs from the paper: it hands the driver's landmarks on as they are.
    """
    driving = iter(driving)
    rest = next(driving, None)
    if rest is None:
        return
    source = most_similar(rest, sources)
    scale = face_size(source) / face_size(rest)
    yield np.array(source, np.float32)
    for points in driving:
        yield (source + (points - rest) * scale).astype(np.float32)


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


def _standardized(landmarks: np.ndarray) -> np.ndarray:
    """Move the mean to the origin and scale the size to 1."""
    centered = landmarks - landmarks.mean(-2, keepdims=True)
    return centered / face_size(landmarks)[..., None, None]
