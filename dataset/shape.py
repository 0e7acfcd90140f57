"""The shape of a face apart from where it is, how large, how tilted and how it moves."""

import numpy as np

from dataset.landmarks import MIRRORED

OUTER_EYES = 36, 45


def face_shape(landmarks: np.ndarray) -> np.ndarray:
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
    found = landmarks[np.isfinite(landmarks).all((1, 2))]
    if len(found) == 0:
        return np.full(landmarks.shape[1:], np.nan, landmarks.dtype)
    z = mirrored_shapes(found)
    _, vectors = np.linalg.eigh(z.T @ z.conj())  # ascending
    mean = vectors[:, -1]
    right, left = OUTER_EYES
    level = mean[left] - mean[right]
    mean = mean * level.conj() / abs(level)
    return np.stack([mean.real, mean.imag], -1).astype(landmarks.dtype)


def mirrored_shapes(landmarks: np.ndarray) -> np.ndarray:
    """Return the shapes of faces and of their mirror images as complex numbers x + i y.

    Args:
        landmarks: (F, 68, 2).

    Returns:
        (2 F, 68) complex, each about 0 and of unit size: first the faces, then the mirror images.
    """
    faces = np.asarray(landmarks, np.float64)
    both = np.concatenate([faces, faces[:, MIRRORED] * [-1, 1]])
    z = both[..., 0] + 1j * both[..., 1]
    z = z - z.mean(1, keepdims=True)
    return z / np.linalg.norm(z, axis=1, keepdims=True)
