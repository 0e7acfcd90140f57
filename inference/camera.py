"""A camera as a driver: the newest frame is the one that counts."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from dataset.crop import Box, crop, resolve_crop, whole_box
from dataset.detection.detector import LandmarkDetector
from dataset.landmarks import are_faces
from dataset.video.timing import USUAL_FPS, frames_until
from inference.driver import Driving, DrivingFrame, clip_square
from inference.track import Track

FIRST_FACES = 10  # that decide where the face is
OFF_CENTRE = 0.3  # of the square's size; a face that has moved further gets a new square
PATIENCE = 5.0  # seconds without a frame, after which a camera is given up


class Shot(NamedTuple):
    """One frame of a camera."""

    frame: np.ndarray
    """(H, W, 3) uint8 RGB."""
    taken: float
    """`time.monotonic` seconds."""


class Camera:
    """Hand out the newest of the frames that come by themselves; the others are dropped.

    Whoever has frames, a browser for instance, calls `take` with each as it comes, and `end`.

    Args:
        name: for messages.
        fps: at which frames come.

    Attributes:
        dropped: frames that nobody had asked for when the next one came.
    """

    def __init__(self, name: str, fps: float = USUAL_FPS):
        self.name, self.fps, self.dropped = name, fps, 0
        self._newest: Shot | None = None
        self._ended = False
        self._news = threading.Condition()

    def take(self, frame: np.ndarray, taken: float | None = None) -> None:
        """Take a frame (H, W, 3) uint8 RGB as it comes.

        Args:
            frame: is handed out as it is.
            taken: when, `time.monotonic` seconds; None: now.
        """
        with self._news:
            self.dropped += self._newest is not None
            self._newest = Shot(frame, time.monotonic() if taken is None else taken)
            self._news.notify_all()

    def end(self) -> None:
        """Say that no more frames will come."""
        with self._news:
            self._ended = True
            self._news.notify_all()

    def close(self) -> None:
        """Want no more frames."""
        self.end()

    def __iter__(self) -> Iterator[Shot]:
        """Yield frames that have not been handed out, until the camera ends or is closed.

        Raises:
            ValueError: it gives no frame for some seconds.
        """
        while True:
            with self._news:
                self._news.wait_for(lambda: self._newest or self._ended, PATIENCE)
                shot, self._newest = self._newest, None
            if shot is not None:
                yield shot
            elif self._ended:
                return
            else:
                raise ValueError(f"{self.name}: the camera gives no frames")


class DeviceCamera(Camera):
    """A camera of this machine; a thread takes every frame of it.

    Args:
        number: of the device, from 0.

    Raises:
        ValueError: there is no such camera, or it cannot be opened.
    """

    def __init__(self, number: int):
        self._device = cv2.VideoCapture(number)
        if not self._device.isOpened():
            raise ValueError(f"--driving {number}: there is no camera {number} that can be opened")
        rate = self._device.get(cv2.CAP_PROP_FPS)
        super().__init__(f"--driving {number}", rate if 1 <= rate <= 240 else USUAL_FPS)
        self._thread = threading.Thread(target=self._read, name=f"camera {number}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Release the device."""
        super().close()
        self._thread.join(PATIENCE)
        self._device.release()

    def _read(self) -> None:
        while not self._ended:
            there, frame = self._device.read()
            if not there:
                break
            self.take(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
        self.end()


class CameraDriving(Driving):
    """A camera's motion, for as long as it runs; each moment shows the newest frame.

    Its first faces decide where the square is. It stays there, as for a film, unless the face
    leaves its middle.

    Args:
        camera: gives the frames; it is closed when its motion is no longer asked for.
        detector: finds the landmarks.
        kind: whole, face or auto, as in `resolve_crop`.
        size: side of the square frames, pixels.
        fps: of the result, if it is written; None: the camera's.
        seconds: after so many it ends; None: never.
    """

    length = None

    def __init__(
        self,
        camera: Camera,
        detector: LandmarkDetector,
        kind: str,
        size: int,
        fps: float | None = None,
        seconds: float | None = None,
    ):
        self.path, self.size = Path(camera.name), size
        self._detector, self._seconds = detector, seconds
        self._whole = resolve_crop(kind, "video") == "whole"
        self.camera = camera
        self.fps = fps or camera.fps

    def __iter__(self) -> Iterator[DrivingFrame]:
        self.missing = self.read = 0
        track: Track | None = None
        seen: list[np.ndarray] = []
        square: Box | None = None
        started, began, done = None, 0.0, 0
        try:
            for frame, taken in self.camera:
                started = taken if started is None else started
                if self._seconds is not None and taken - started > self._seconds:
                    return
                near = track.last if track else None
                found = self._detector.detect([frame], [(self.path, self.read)], [near])[0]
                self.read += 1
                if track is None and are_faces(found):
                    track = Track(found, taken)
                elif track is None or not track.follow(found, frame, taken):
                    self.missing += 1
                if track is None:
                    continue
                if square is None:
                    seen.append(track.last)
                    if len(seen) < FIRST_FACES:
                        continue
                    square, began = self._square(np.stack(seen), frame), taken
                elif not self._whole and _off_centre(track.last, square):
                    square = self._square(track.last[None], frame)
                until = frames_until(taken - began + 1 / self.fps, self.fps)
                cut = crop(frame, track.last, square, self.size)
                yield DrivingFrame(*cut, until - done, frame, square, taken)
                done = until
        finally:
            self.camera.close()

    def _square(self, faces: np.ndarray, frame: np.ndarray) -> Box:
        return whole_box(*frame.shape[:2]) if self._whole else clip_square(faces, self.path)


def _off_centre(landmarks: np.ndarray, square: Box) -> bool:
    """Tell whether a face is so far from the middle of its square that it gets a new one."""
    middle = np.array([square.left, square.top]) + square.size / 2
    return bool(np.abs(landmarks.mean(0) - middle).max() > OFF_CENTRE * square.size)
