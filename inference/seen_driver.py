"""Drivers whose frames are looked at: a video, or a folder of frames."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dataset.crop import crop, resolve_crop, whole_box
from dataset.detection.detector import LandmarkDetector
from dataset.detection.following import fits
from dataset.images import read_image
from dataset.landmarks import POINTS, are_faces
from dataset.video.reading import index_video, stream_timed
from dataset.video.sound import Sound, sound_start
from dataset.video.timing import USUAL_FPS, constant_rate, frames_until, repeats
from inference.driver import FIRST_SECOND, Driving, DrivingFrame, clip_square, first_face
from inference.track import Track


class SeenDriving(Driving):
    """Frames in which a detector finds the landmarks; one frame in memory at a time."""

    kind: str
    """As in `resolve_crop`."""

    def __init__(self, path: Path, detector: LandmarkDetector, crop: str, size: int):
        self.path, self.size = path, size
        self._detector = detector
        self._start = self._look_ahead()
        self._first = first_face(self._start, path)
        self._box = (
            clip_square(self._start, path) if resolve_crop(crop, self.kind) == "face" else None
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
        track, shape = Track(self._first), None
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
                track = Track(found, time)
                wanted = len(landmarks) - 1 + FIRST_SECOND
            if len(landmarks) == wanted:
                break
        if strange and not track:
            raise ValueError(strange)
        return np.array(landmarks, np.float32).reshape(-1, POINTS, 2)


class PictureDriving(SeenDriving):
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


class VideoDriving(SeenDriving):
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


def _strange(file: Path, landmarks: np.ndarray, frame: np.ndarray) -> str:
    """Say why landmarks cannot be those of a picture."""
    (left, top), (right, bottom) = landmarks.min(0), landmarks.max(0)
    return (
        f"{file}: landmarks must be pixels of a picture of {frame.shape[1]} x {frame.shape[0]}, "
        f"got x from {left:.3g} to {right:.3g} and y from {top:.3g} to {bottom:.3g}"
    )
