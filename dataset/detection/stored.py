"""Landmarks from a file beside the video or photo: no model, no download."""

from pathlib import Path

import numpy as np

from dataset.detection.detector import Frames, LandmarksError, Near, Places
from dataset.kinds_of_files import PHOTO_SUFFIXES, VIDEO_SUFFIXES, is_photo
from dataset.landmarks import POINTS
from dataset.video.reading import count_frames, index_video

LANDMARKS_SUFFIX = ".landmarks.npy"


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


def beside(path: Path) -> list[Path]:
    """List what belongs to a clip or photo, or to landmarks, by its name, there or not.

    Returns:
        Of clip.mp4: clip.landmarks.npy; of that: clip.mp4, clip.mov, ...
    """
    if not path.name.endswith(LANDMARKS_SUFFIX):
        return [path.with_suffix(LANDMARKS_SUFFIX)] if path.name else []
    stem = path.name.removesuffix(LANDMARKS_SUFFIX)
    return [path.with_name(stem + suffix) for suffix in VIDEO_SUFFIXES + PHOTO_SUFFIXES]


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
    still = is_photo(Path(path))
    frames = 1 if still else len(index_video(path).durations)
    if len(landmarks) != frames and not still:
        frames = count_frames(path)
    if len(landmarks) != frames:
        broken = not still and index_video(path).stated == len(landmarks)
        doubt = f"; {path.name} states {len(landmarks)}: is it damaged?" if broken else ""
        raise LandmarksError(
            f"{file} must hold the landmarks of each frame, {path.name} has {frames} frames, "
            f"got {len(landmarks)}{doubt}"
        )
    return landmarks
