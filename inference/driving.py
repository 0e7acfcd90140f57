"""Where the motion comes from: a video, a folder of frames, or a file of landmarks."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dataset.crop import Box, clip_box, crop, resolve_crop, whole_box
from dataset.detection.detector import LandmarkDetector
from dataset.detection.following import SMALLEST_EXTENT, extent, fits, jumps
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
from dataset.video.reading import index_video, probe, stream_timed
from dataset.video.sound import Sound, sound_start
from dataset.video.timing import USUAL_FPS, constant_rate, frames_until, repeats

LANDMARKS_FILE = ".npy"
FIRST_SECOND = 25  # frames that decide where the face is


class DrivingFrame(NamedTuple):
    """One moment of the driver, cut as the networks want it."""

    frame: np.ndarray | None
    """(size, size, 3) uint8 RGB; None where only landmarks are known."""
    landmarks: np.ndarray
    """(68, 2) float32, finite, pixels of the frame."""
    repeats: int = 1
    """Frames of the result that show it, at least 1."""
    whole: np.ndarray | None = None
    """The driver's frame (H, W, 3) uint8 RGB out of which `frame` was cut; None as there."""
    box: Box | None = None
    """Where it was cut out."""


class Driving:
    """A driver's motion, from its first frame to its last; it may be walked through repeatedly.

    The square is the same in all frames. Frames without a face get the landmarks before, or at
    the start those of the first face, so no moment is lost.
    """

    path: Path
    fps: float
    """Frames per second of the result."""
    length: int
    """Frames of the result; a damaged driver may end earlier."""
    missing: int = 0
    """Frames of the driver without its face, counted while they go by."""
    read: int = 0
    """Frames of the driver, counted while they go by."""
    stated: int = 0
    """Frames that the driver's file tells of."""
    sound: Sound | None = None
    """What is heard with the motion."""

    def __iter__(self) -> Iterator[DrivingFrame]:
        raise NotImplementedError


def open_driving(
    path: Path,
    detector: LandmarkDetector | None,
    crop: str,
    size: int,
    fps: float | None = None,
) -> Driving:
    """Open a driver and find its face; the rest is read as it is walked through.

    Args:
        path: a video, a folder of frames (in the order of their names), one picture, or an .npy
            of landmarks (frames, 68, 2), which may lie beside its clip as clip.landmarks.npy.
        detector: finds the landmarks; not used for an .npy.
        crop: whole, face or auto, as for the pictures of a person.
        size: side of the square frames, pixels.
        fps: frames per second of the result; None: the driver's. Where a driver tells when its
            frames are shown, the result keeps to that; else this is its tempo.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: it is none of these, or shows no face at all.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    if path.suffix.lower() == LANDMARKS_FILE:
        return _LandmarksDriving(path, crop, size, fps)
    files = _frame_files(path)
    if files:
        return _PictureDriving(path, files, detector, crop, size, fps)
    return _VideoDriving(path, detector, crop, size, fps)


class _SeenDriving(Driving):
    """Frames in which a detector finds the landmarks; one frame in memory at a time."""

    kind: str
    """As in `resolve_crop`."""

    def __init__(self, path: Path, detector: LandmarkDetector, crop: str, size: int):
        self.path, self.size = path, size
        self._detector = detector
        self._start = self._look_ahead()
        self._first = _first_face(self._start, path)
        self._box = (
            _face_box(self._start, path) if resolve_crop(crop, self.kind) == "face" else None
        )

    def _pictures(self) -> Iterator[tuple[np.ndarray, Path, int, float]]:
        """Yield each frame, its file, its index in that file, and its time in the result."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[DrivingFrame]:
        self.missing = self.read = 0
        moments = ((time, frame) for frame, time in self._followed())
        for count, (frame, landmarks) in repeats(moments, self.fps, self._end):
            if count:
                box = self._box or whole_box(*frame.shape[:2])
                cut = crop(frame, landmarks, box, self.size)
                yield DrivingFrame(*cut, count, frame, box)

    def _followed(self) -> Iterator[tuple[tuple[np.ndarray, np.ndarray], float]]:
        """Yield each frame with the face's landmarks, held where they are missing, and its time."""
        track, shape = _Track(self._first), None
        for index, (frame, file, number, time) in enumerate(self._pictures()):
            shape = shape or frame.shape
            if frame.shape != shape:
                raise ValueError(
                    f"{file}: the frames of a driver must have one size, {shape[1]} x {shape[0]} "
                    f"like the first, got {frame.shape[1]} x {frame.shape[0]}"
                )
            if index < len(self._start):
                found = self._start[index]
            else:
                found = self._detector.detect([frame], [(file, number)], [track.last])[0]
            self.read += 1
            self.missing += not track.follow(found, frame, time)
            yield (frame, track.last), time

    def _look_ahead(self) -> np.ndarray:
        """Find the landmarks up to a second after the first face: (frames, 68, 2).

        The frames themselves are dropped and read again: a face may come late.

        Raises:
            ValueError: what is found cannot be a face in these pictures.
        """
        landmarks: list[np.ndarray] = []
        track, wanted, strange = None, None, None
        for frame, file, number, time in self._pictures():
            near = track.last if track else None
            found = self._detector.detect([frame], [(file, number)], [near])[0]
            landmarks.append(found)
            if track:
                track.follow(found, frame, time)
            elif are_faces(found) and not fits(found, *frame.shape[:2]):
                strange = strange or _strange(file, found, frame)
                landmarks[-1] = np.full_like(found, np.nan)
            elif are_faces(found):
                track = _Track(found, time)
                wanted = len(landmarks) - 1 + FIRST_SECOND
            if len(landmarks) == wanted:
                break
        if strange and not track:
            raise ValueError(strange)
        return np.array(landmarks, np.float32).reshape(-1, POINTS, 2)


class _PictureDriving(_SeenDriving):
    """A folder of frames, or one picture; nothing tells when they are shown."""

    kind = "photos"

    def __init__(
        self,
        path: Path,
        files: tuple[Path, ...],
        detector: LandmarkDetector,
        crop: str,
        size: int,
        fps: float | None,
    ):
        self.fps, self.length, self._files = fps or USUAL_FPS, len(files), files
        self._end, self.stated = len(files) / self.fps, len(files)
        super().__init__(path, detector, crop, size)

    def _pictures(self) -> Iterator[tuple[np.ndarray, Path, int, float]]:
        for index, file in enumerate(self._files):
            yield read_image(file), file, 0, index / self.fps


class _VideoDriving(_SeenDriving):
    """A video; the result begins when its first picture or sound is due."""

    kind = "video"

    def __init__(
        self, path: Path, detector: LandmarkDetector, crop: str, size: int, fps: float | None
    ):
        index = index_video(path)
        self.fps = fps or constant_rate(index.times, index.fps)
        sound = sound_start(path)
        self._began = index.start if sound is None else min(index.start, sound)
        self._end = index.start - self._began + index.end
        self.length = max(frames_until(self._end, self.fps), 1)
        self.stated = index.stated or len(index.times)
        self._gap = 1 / index.fps
        if sound is not None:
            self.sound = Sound(path, self._began)
        super().__init__(path, detector, crop, size)

    def _pictures(self) -> Iterator[tuple[np.ndarray, Path, int, float]]:
        before = -self._gap
        for index, (clock, frame) in enumerate(stream_timed(self.path)):
            time = before + self._gap if clock is None else clock - self._began
            if time <= before:  # the file's clock was set back
                time = before + self._gap
            yield frame, self.path, index, time
            before = time


class _Track:
    """The face that is followed, and since when it is lost."""

    def __init__(self, first: np.ndarray, seen: float | None = None):
        self.last, self._seen = first, seen

    def follow(self, found: np.ndarray, frame: np.ndarray, time: float) -> bool:
        """Take what was found if it is the same face; else keep the one before."""
        if not are_faces(found) or not fits(found, *frame.shape[:2]):
            return False
        if self._seen is not None and jumps(self.last, found, time - self._seen):
            return False
        self.last, self._seen = found, time
        return True


class _LandmarksDriving(Driving):
    """Landmarks without frames; beside their clip they are shown when its frames are."""

    def __init__(self, path: Path, crop: str, size: int, fps: float | None):
        self.path = path
        landmarks = _read_landmarks(path)
        clip = _clip_of(path)
        self._times, self._end, self.fps = _times_beside(clip, len(landmarks), fps)
        self.length, self.stated = max(round(self._end * self.fps), 1), len(landmarks)
        first = _first_face(landmarks, path)
        if extent(first) < SMALLEST_EXTENT:
            raise ValueError(
                f"{path} must hold pixels: its first face is {extent(first):.2g} of them long"
            )
        if resolve_crop(crop, "video") == "face":
            start = int(are_faces(landmarks).argmax())
            box = _face_box(landmarks[: start + FIRST_SECOND], path)
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


def _strange(file: Path, landmarks: np.ndarray, frame: np.ndarray) -> str:
    """Say why landmarks cannot be those of a picture."""
    (left, top), (right, bottom) = landmarks.min(0), landmarks.max(0)
    return (
        f"{file}: landmarks must be pixels of a picture of {frame.shape[1]} x {frame.shape[0]}, "
        f"got x from {left:.3g} to {right:.3g} and y from {top:.3g} to {bottom:.3g}"
    )


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


def _clip_of(path: Path) -> Path | None:
    """Find clip.mp4 if `path` is clip.landmarks.npy beside it."""
    if not path.name.endswith(LANDMARKS_SUFFIX):
        return None
    stem = path.name.removesuffix(LANDMARKS_SUFFIX)
    clips = [clip for clip in path.parent.iterdir() if clip.stem == stem and is_film(clip)]
    kinds = VIDEO_SUFFIXES + MOVING_SUFFIXES
    first = min(clips, key=lambda clip: kinds.index(clip.suffix.lower()), default=None)
    return first if first and first.is_file() else None
