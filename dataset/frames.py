"""Frames of a record and what is drawn of their landmarks: as arrays, without PyTorch."""

from collections.abc import Sequence

import numpy as np

from dataset.augmentation import Augmentation
from dataset.images import decode_jpeg, resize
from dataset.landmarks import draw_landmarks, scale_landmarks
from dataset.store import Record


def record_frames(
    record: Record,
    indices: Sequence[int],
    image_size: int,
    augmentation: Augmentation | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Decode frames of a record and draw their landmarks.

    Args:
        augmentation: changes all of them alike.

    Returns:
        frames, drawn landmarks: (len(indices), image_size, image_size, 3) uint8 RGB each.
    """
    landmarks = scale_landmarks(record.landmarks, record.image_size, image_size)[list(indices)]
    frames = [resize(decode_jpeg(record.frames[i]), image_size) for i in indices]
    if augmentation is not None:
        frames, landmarks = augmentation.apply(frames, landmarks)
    drawn = [draw_landmarks(points, image_size) for points in landmarks]
    return np.stack(frames), np.stack(drawn)
