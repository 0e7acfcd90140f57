"""Where landmarks come from: face-alignment's networks, or a file beside the video."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from dataset.landmarks import POINTS
from dataset.video.reading import count_frames, index_video
from dataset.voxceleb import PHOTO_SUFFIXES

LANDMARKS_SUFFIX = ".landmarks.npy"
LARGEST_SIDE = 1280  # pixels; larger frames are shrunk, the alignment network sees 256 of a face

Frames = Sequence[np.ndarray]
Places = Sequence[tuple[Path, int]]
Near = Sequence[np.ndarray | None]


class LandmarksError(ValueError):
    """The landmarks of a video or photo cannot be had."""


class LandmarkDetector(Protocol):
    """Finds the 68 landmarks of one face in each frame."""

    name: str
    """As create_detector knows it; records state it."""

    def detect(self, frames: Frames, places: Places, near: Near) -> np.ndarray:
        """Return (N, 68, 2) float32 landmarks in pixels of each frame, all NaN where there is no
        face.

        Args:
            frames: N of them, (H, W, 3) uint8 RGB; their sizes may differ.
            places: the video or photo that each frame is of, and its index in that, from 0.
            near: for each frame (68, 2) landmarks seen shortly before or after, or None; of
                several faces the one that overlaps them most is taken. Without them, or if none
                overlaps: the largest.

        Raises:
            LandmarksError: the landmarks of such a file cannot be had at all.
        """


def choose_face(faces: list[np.ndarray], near: np.ndarray | None) -> np.ndarray:
    """Return the face that overlaps `near` most, else the largest, else NaN.

    Args:
        faces: (68, 2) landmarks each.
        near: (68, 2) landmarks of the face to follow, or None.
    """
    if not faces:
        return np.full((POINTS, 2), np.nan, np.float32)
    overlaps = [0.0 if near is None else overlap(face, near) for face in faces]
    if max(overlaps) > 0:
        best = int(np.argmax(overlaps))
    else:
        best = int(np.argmax([np.prod(np.ptp(face, axis=0)) for face in faces]))
    return faces[best].astype(np.float32)


def overlap(face: np.ndarray, other: np.ndarray) -> float:
    """Return intersection over union of the boxes around two faces."""
    low = np.maximum(face.min(0), other.min(0))
    high = np.minimum(face.max(0), other.max(0))
    shared = np.prod(np.clip(high - low, 0, None))
    union = np.prod(np.ptp(face, axis=0)) + np.prod(np.ptp(other, axis=0)) - shared
    return float(shared / union) if union > 0 else 0.0


def detect_small(
    detect: Callable[[Frames, Places, Near], np.ndarray],
    frames: Frames,
    places: Places,
    near: Near,
) -> np.ndarray:
    """Call `detect` with frames that are shrunk to LARGEST_SIDE, in pixels of which it sees and
    finds landmarks; take and return them as `LandmarkDetector.detect` does."""
    smaller = [_shrink(frame) for frame in frames]
    pairs = list(zip(frames, smaller, strict=True))
    near = [
        None if points is None else _rescale(points, frame, small)
        for points, (frame, small) in zip(near, pairs, strict=True)
    ]
    found = detect(smaller, places, near)
    back = [
        _rescale(points, small, frame) for points, (frame, small) in zip(found, pairs, strict=True)
    ]
    return np.array(back, np.float32).reshape(-1, POINTS, 2)


def _shrink(frame: np.ndarray) -> np.ndarray:
    height, width = frame.shape[:2]
    scale = LARGEST_SIDE / max(height, width)
    if scale >= 1:
        return frame
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA)


def _rescale(points: np.ndarray, old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Bring points from pixels of one frame into those of the same frame in another size."""
    if new.shape == old.shape:
        return points
    ratio = np.divide(new.shape[1::-1], old.shape[1::-1])
    return (points + 0.5) * ratio - 0.5


class StoredLandmarks:
    """Landmarks from clip.landmarks.npy beside clip.mp4: float32 (frames, 68, 2), NaN for no face.

    A photo's file has one frame.
    """

    name = "stored"

    def __init__(self):
        self._path: Path | None = None
        self._landmarks: np.ndarray | None = None

    def detect(self, frames: Frames, places: Places, near: Near) -> np.ndarray:
        """See `LandmarkDetector`; the pixels are not looked at."""
        found = [self._read(path, index) for path, index in places]
        return np.array(found, np.float32).reshape(-1, POINTS, 2)

    def _read(self, path: Path, index: int) -> np.ndarray:
        if path != self._path:
            self._landmarks, self._path = read_landmarks(path), path
        if index >= len(self._landmarks):
            raise LandmarksError(
                f"{path.with_suffix(LANDMARKS_SUFFIX)} must hold the landmarks of each frame, "
                f"it ends at {len(self._landmarks)}, before frame {index}"
            )
        return self._landmarks[index]


def read_landmarks(path: Path) -> np.ndarray:
    """Read the landmarks that lie beside a video or photo, (frames, 68, 2) float32.

    Raises:
        LandmarksError: there are none, or not one for each frame, or of another shape or type.
    """
    file = Path(path).with_suffix(LANDMARKS_SUFFIX)
    try:
        landmarks = np.load(file, allow_pickle=False)
    except FileNotFoundError:
        raise LandmarksError(
            f"{file} is missing: --detector stored needs it beside {path}"
        ) from None
    except (ValueError, EOFError, OSError) as error:
        reason = str(error).split("\n")[0][:120]
        raise LandmarksError(f"{file} must be a NumPy array file (.npy): {reason}") from None
    if not isinstance(landmarks, np.ndarray) or landmarks.dtype != np.float32:
        kind = getattr(landmarks, "dtype", "an archive")
        raise LandmarksError(f"{file} must be float32, got {kind}")
    if landmarks.ndim != 3 or landmarks.shape[1:] != (POINTS, 2):
        raise LandmarksError(f"{file} must be (frames, {POINTS}, 2), got {landmarks.shape}")
    # A video's own count may be wrong; only then are its frames counted.
    is_photo = Path(path).suffix.lower() in PHOTO_SUFFIXES
    frames = 1 if is_photo else len(index_video(path).durations)
    if len(landmarks) != frames and not is_photo:
        frames = count_frames(path)
    if len(landmarks) != frames:
        raise LandmarksError(
            f"{file} must hold the landmarks of each frame, {path.name} has {frames} frames, "
            f"got {len(landmarks)}"
        )
    return landmarks


def _face_alignment(*options: object) -> LandmarkDetector:
    from dataset.aligner import FaceAlignmentDetector  # with PyTorch, which the others do without

    return FaceAlignmentDetector(*options)


DETECTORS: dict[str, Callable[[str, int | None, str], LandmarkDetector]] = {
    "face-alignment": _face_alignment,
    "stored": lambda *_: StoredLandmarks(),
}


def create_detector(
    name: str, device: str = "cpu", threads: int | None = None, precision: str = "float32"
) -> LandmarkDetector:
    """Make the detector of that name.

    Args:
        name: face-alignment or stored.
        device: where its networks run, if it has any.
        threads: CPU threads for them; None: as many as PyTorch uses anyway.
        precision: float32 or bfloat16.

    Raises:
        ValueError: there is none of that name, or its weights cannot be had.
    """
    _check_name(name)
    return DETECTORS[name](str(device), threads, precision)


def prepare_detector(name: str) -> None:
    """Fetch what `create_detector` needs, once, before many processes do.

    Raises:
        ValueError: there is none of that name, or its weights cannot be had.
    """
    _check_name(name)
    if name == "face-alignment":
        from dataset.aligner_weights import fetch_weights

        fetch_weights()


def _check_name(name: str) -> None:
    if name not in DETECTORS:
        raise ValueError(f"--detector must be one of {', '.join(DETECTORS)}, got {name!r}")
