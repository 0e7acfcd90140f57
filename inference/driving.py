"""Where the motion comes from: a video, a folder of frames, or a file of landmarks."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dataset.crop import Box, clip_box, crop, resolve_crop, whole_box
from dataset.detection.detector import LandmarkDetector
from dataset.detection.stored import LANDMARKS_SUFFIX
from dataset.images import read_image
from dataset.kinds_of_files import (
    MOVING_SUFFIXES,
    PHOTO_SUFFIXES,
    VIDEO_SUFFIXES,
    is_film,
    is_photo,
    named,
    natural_order,
    passed_over,
    remedy,
)
from dataset.landmarks import POINTS, are_faces
from dataset.video.reading import USUAL_FPS, VideoInfo, probe, stream_frames

LANDMARKS_FILE = ".npy"
FIRST_SECOND = 25  # frames that decide where the face is


class DrivingFrame(NamedTuple):
    """One moment of the driver, cut as the networks want it."""

    frame: np.ndarray | None
    """(size, size, 3) uint8 RGB; None where only landmarks are known."""
    landmarks: np.ndarray
    """(68, 2) float32, finite, pixels of the frame."""


class Driving:
    """A driver's motion, from its first frame to its last; it may be walked through repeatedly.

    The square is the same in all frames. Frames without a face get the landmarks before, or at
    the start those of the first face, so none is lost.
    """

    path: Path
    fps: float
    """Frames per second."""
    length: int
    """Frames as the file states them; a damaged one may end earlier."""
    missing: int = 0
    """Frames without a face, counted while they go by."""
    sound: Path | None = None
    """The file whose sound belongs to the motion."""

    def __iter__(self) -> Iterator[DrivingFrame]:
        raise NotImplementedError


def open_driving(path: Path, detector: LandmarkDetector | None, crop: str, size: int) -> Driving:
    """Open a driver and find its face; the rest is read as it is walked through.

    Args:
        path: a video, a folder of frames (in the order of their names), one picture, or an .npy
            of landmarks (frames, 68, 2), which may lie beside its clip as clip.landmarks.npy.
        detector: finds the landmarks; not used for an .npy.
        crop: whole, face or auto, as for the pictures of a person.
        size: side of the square frames, pixels.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: it is none of these, or shows no face at all.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    if path.suffix.lower() == LANDMARKS_FILE:
        return _LandmarksDriving(path, crop, size)
    return _PictureDriving(path, detector, crop, size)


class _PictureDriving(Driving):
    """Frames in which a detector finds the landmarks; one frame in memory at a time."""

    def __init__(self, path: Path, detector: LandmarkDetector, crop: str, size: int):
        self.path, self.size = path, size
        self._detector = detector
        self._files = _frame_files(path)
        if self._files:
            kind, self.fps, self.length = "photos", USUAL_FPS, len(self._files)
        else:
            kind, self.sound = "video", path
            self.length, self.fps, *_ = probe(path)
        self._start = self._look_ahead()
        self._first = _first_face(self._start, path)
        self._box = _face_box(self._start, path) if resolve_crop(crop, kind) == "face" else None

    def __iter__(self) -> Iterator[DrivingFrame]:
        self.missing = 0
        last, shape = self._first, None
        for index, (frame, file, number) in enumerate(self._pictures()):
            shape = shape or frame.shape
            if frame.shape != shape:
                raise ValueError(
                    f"{file}: the frames of a driver must have one size, {shape[1]} x {shape[0]} "
                    f"like the first, got {frame.shape[1]} x {frame.shape[0]}"
                )
            if index < len(self._start):
                found = self._start[index]
            else:
                found = self._detector.detect([frame], [(file, number)], [last])[0]
            if are_faces(found):
                last = found
            else:
                self.missing += 1
            box = self._box or whole_box(*shape[:2])
            yield DrivingFrame(*crop(frame, last, box, self.size))

    def _look_ahead(self) -> np.ndarray:
        """Find the landmarks up to a second after the first face: (frames, 68, 2).

        The frames themselves are dropped and read again: a face may come late.
        """
        landmarks: list[np.ndarray] = []
        last, wanted = None, None
        for frame, file, number in self._pictures():
            found = self._detector.detect([frame], [(file, number)], [last])[0]
            landmarks.append(found)
            if are_faces(found):
                last = found
                wanted = wanted or len(landmarks) - 1 + FIRST_SECOND
            if len(landmarks) == wanted:
                break
        return np.array(landmarks, np.float32).reshape(-1, POINTS, 2)

    def _pictures(self) -> Iterator[tuple[np.ndarray, Path, int]]:
        """Yield each frame, its file, and its index in that file."""
        if self._files:
            for file in self._files:
                yield read_image(file), file, 0
        else:
            for index, frame in enumerate(stream_frames(self.path)):
                yield frame, self.path, index


class _LandmarksDriving(Driving):
    """Landmarks without frames."""

    def __init__(self, path: Path, crop: str, size: int):
        self.path = path
        landmarks = _read_landmarks(path)
        clip = _clip_of(path)
        self.fps = clip.fps if clip else USUAL_FPS
        self.length = len(landmarks)
        first = _first_face(landmarks, path)
        if resolve_crop(crop, "video") == "face":
            start = int(are_faces(landmarks).argmax())
            box = _face_box(landmarks[: start + FIRST_SECOND], path)
        elif clip:
            box = whole_box(clip.height, clip.width)
        else:
            raise ValueError(
                f"--crop whole needs the size of the frames, and beside {path} lies no clip of "
                "the same name: use --crop face"
            )
        self._found = are_faces(landmarks)
        self._landmarks = _move(_hold(landmarks, first), box, size)

    def __iter__(self) -> Iterator[DrivingFrame]:
        self.missing = 0
        for points, found in zip(self._landmarks, self._found, strict=True):
            self.missing += not found
            yield DrivingFrame(None, points)


def _frame_files(path: Path) -> tuple[Path, ...]:
    """List the pictures of a folder in natural order, or one picture; none for a video."""
    if not path.is_dir():
        if what := remedy(path):
            raise ValueError(f"{path} cannot be the driver: {what}")
        return (path,) if is_photo(path) else ()
    visible = [file for file in path.iterdir() if not file.name.startswith(".")]
    files = tuple(sorted(filter(is_photo, visible), key=natural_order))
    films = sum(map(is_film, visible))
    others = [passed_over(visible)]
    if films:
        others.append(f"{films} film{'s' * (films > 1)} (to play one, name it itself)")
    others = ", ".join(filter(None, others))
    if not files:
        but = ", but " * bool(others)
        raise ValueError(f"{path} holds no frames ({named(PHOTO_SUFFIXES)}){but}{others}")
    if others:
        print(f"{path}: passed over: {others}", file=sys.stderr)
    return files


def _first_face(landmarks: np.ndarray, path: Path) -> np.ndarray:
    found = are_faces(landmarks)
    if not found.any():
        raise ValueError(f"{path} shows no face in any of its {len(landmarks)} frames")
    return landmarks[found.argmax()]


def _face_box(landmarks: np.ndarray, path: Path) -> Box:
    try:
        return clip_box(landmarks)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


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


def _clip_of(path: Path) -> VideoInfo | None:
    """Probe clip.mp4 if `path` is clip.landmarks.npy beside it."""
    if not path.name.endswith(LANDMARKS_SUFFIX):
        return None
    stem = path.name.removesuffix(LANDMARKS_SUFFIX)
    clips = [clip for clip in path.parent.iterdir() if clip.stem == stem and is_film(clip)]
    kinds = VIDEO_SUFFIXES + MOVING_SUFFIXES
    first = min(clips, key=lambda clip: kinds.index(clip.suffix.lower()), default=None)
    return probe(first) if first and first.is_file() else None
