"""A driver of whom only landmarks are known."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dataset.crop import Box, crop, resolve_crop, whole_box
from dataset.detection.following import SMALLEST_EXTENT, extent
from dataset.detection.stored import LANDMARKS_SUFFIX
from dataset.kinds_of_files import MOVING_SUFFIXES, VIDEO_SUFFIXES, is_film
from dataset.landmarks import POINTS, are_faces
from dataset.video.reading import index_video, probe
from dataset.video.timing import USUAL_FPS, constant_rate, repeats
from inference.driver import FIRST_SECOND, Driving, DrivingFrame, clip_square, first_face


class LandmarksDriving(Driving):
    """Landmarks without frames; beside their clip they are shown when its frames are."""

    def __init__(self, path: Path, crop: str, size: int, fps: float | None):
        self.path = path
        landmarks = _read_landmarks(path)
        clip = _clip_of(path)
        self._times, self._end, self.fps = _times_beside(clip, len(landmarks), fps)
        self.length, self.stated = max(round(self._end * self.fps), 1), len(landmarks)
        first = first_face(landmarks, path)
        if extent(first) < SMALLEST_EXTENT:
            raise ValueError(
                f"{path} must hold pixels: its first face is {extent(first):.2g} of them long"
            )
        if resolve_crop(crop, "video") == "face":
            start = int(are_faces(landmarks).argmax())
            box = clip_square(landmarks[: start + FIRST_SECOND], path)
        elif clip:
            info = probe(clip)
            box = whole_box(info.height, info.width)
        else:
            raise ValueError(
                f"--crop whole needs the size of the frames, and beside {path} lies no clip of "
                "the same name: use --crop face"
            )
        self._found = are_faces(landmarks)
        self._landmarks = _move(_hold(landmarks, first), box, size)

    def __iter__(self) -> Iterator[DrivingFrame]:
        self.missing = self.read = 0
        for count, (points, found) in repeats(self._moments(), self.fps, self._end):
            self.read += 1
            self.missing += not found
            if count:
                yield DrivingFrame(None, points, count)

    def _moments(self) -> Iterator[tuple[float, tuple[np.ndarray, bool]]]:
        return zip(self._times, zip(self._landmarks, self._found, strict=True), strict=True)


def _times_beside(
    clip: Path | None, count: int, fps: float | None
) -> tuple[np.ndarray, float, float]:
    """Return when so many frames are shown, when the last one ends, and the result's rate."""
    index = index_video(clip) if clip else None
    if index is None or len(index.times) != count:
        rate = fps or (index.fps if index else USUAL_FPS)
        return np.arange(count) / rate, count / rate, rate
    return index.times, index.end, fps or constant_rate(index.times, index.fps)


def _hold(landmarks: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Fill faces that are missing with the ones before, at the start with the first."""
    held, last = np.empty_like(landmarks), first
    for index, points in enumerate(landmarks):
        last = points if are_faces(points) else last
        held[index] = last
    return held


def _move(landmarks: np.ndarray, box: Box, size: int) -> np.ndarray:
    """Bring landmarks (F, 68, 2) into the square as `crop` does, by cropping an empty picture."""
    left, top, side = round(box.left), round(box.top), max(round(box.size), 1)
    empty = np.broadcast_to(np.uint8(0), (side, side, 3))
    return crop(empty, landmarks - np.array([left, top]), Box(0, 0, side), size)[1]


def _read_landmarks(path: Path) -> np.ndarray:
    try:
        landmarks = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        reason = str(error).split("\n")[0][:120]
        raise ValueError(f"{path} must be a NumPy array file (.npy): {reason}") from None
    shape = getattr(landmarks, "shape", "an archive")
    if not isinstance(landmarks, np.ndarray) or shape[1:] != (POINTS, 2) or not len(landmarks):
        raise ValueError(f"{path} must hold landmarks (frames, {POINTS}, 2), got {shape}")
    if landmarks.dtype.kind not in "fiu":
        raise ValueError(f"{path} must hold numbers, got {landmarks.dtype}")
    return landmarks.astype(np.float32)


def _clip_of(path: Path) -> Path | None:
    """Find clip.mp4 if `path` is clip.landmarks.npy beside it."""
    if not path.name.endswith(LANDMARKS_SUFFIX):
        return None
    stem = path.name.removesuffix(LANDMARKS_SUFFIX)
    clips = [clip for clip in path.parent.iterdir() if clip.stem == stem and is_film(clip)]
    kinds = VIDEO_SUFFIXES + MOVING_SUFFIXES
    first = min(clips, key=lambda clip: kinds.index(clip.suffix.lower()), default=None)
    return first if first and first.is_file() else None
