"""What any head can do, whatever draws it: PyTorch, or ONNX Runtime without PyTorch."""

from pathlib import Path
from typing import Protocol

import numpy as np

from dataset.detection.detector import Which
from dataset.detection.kinds import create_detector
from dataset.detection.stored import StoredLandmarks
from inference.animate import Draw
from inference.camera import Camera
from inference.driving import LANDMARKS_FILE, is_camera, open_driving
from talking_head.animation import ABSOLUTE, Animation
from training.provenance import warn_of_other_detectors

DETECTOR = "dlib"  # needs no download; the scripts' default is better on profiles
SMOOTH_LIVE = 0.5


class Facts(Protocol):
    """What is known of a head beside how it is drawn."""

    image_size: int
    """Side of its frames, pixels."""
    crop: str
    """How its pictures were cut: whole or face."""
    landmarks: np.ndarray
    """(T, 68, 2) float32 of them, pixels of the frames."""
    detectors: tuple[str, ...]
    """Whose landmarks it has learnt."""


class DrawingHead:
    """A person's head that is drawn in any pose."""

    device: str
    """Where it is drawn."""
    _name: str
    _head: Facts
    _prepared: Draw | None = None

    def _prepare(self) -> Draw:
        """Make it ready to draw."""
        raise NotImplementedError

    @property
    def _draw(self) -> Draw:
        if self._prepared is None:
            self._prepared = self._prepare()
        return self._prepared

    @property
    def image_size(self) -> int:
        """Side of its frames, pixels."""
        return self._head.image_size

    @property
    def landmarks(self) -> np.ndarray:
        """(T, 68, 2) float32 of the person's own pictures, pixels of the frames."""
        return self._head.landmarks

    @property
    def crop(self) -> str:
        """How its pictures were cut: whole or face."""
        return self._head.crop

    def animate(
        self,
        driving: str | Path | int | Camera,
        *,
        motion: str = ABSOLUTE,
        smooth: float | None = None,
        detector: str = DETECTOR,
        face: Which = "largest",
        crop: str = "auto",
        fps: float | None = None,
        seconds: float | None = None,
        batch_size: int = 8,
    ) -> Animation:
        """Move as a driver does.

        Args:
            driving: a film, a picture, a folder of frames, a file of landmarks (.npy), the number
                of a camera, or an `inference.camera.Camera` that is given frames.
            motion: absolute, relative or retargeted.
            smooth: 0 (landmarks as they are found) to 1; None: 0.5 for a camera, else 0.
            detector: dlib, face-alignment or stored; not used for an .npy.
            face: which of several faces.
            crop: whole, face, or auto: as the person's pictures were.
            fps: frames per second; None: the driver's.
            seconds: after so many a camera ends; None: it does not by itself.
            batch_size: frames drawn at once; those of a camera one by one.

        Raises:
            FileNotFoundError: there is no such file or folder.
            ValueError: it shows no face, or an argument is none of these.
        """
        path = driving if isinstance(driving, Camera) else Path(str(driving))
        live = is_camera(path)
        if smooth is None:
            smooth = SMOOTH_LIVE if live else 0.0
        landmarks_alone = not live and path.suffix.lower() == LANDMARKS_FILE
        finder = None if landmarks_alone else create_detector(detector, self.device, face=face)
        crop = self.crop if crop == "auto" else crop
        opened = open_driving(path, finder, crop, self.image_size, fps, seconds)
        found_by = StoredLandmarks.name if finder is None else finder.name
        named = driving.name if isinstance(driving, Camera) else f"--driving {driving}"
        warn_of_other_detectors(named, [found_by], self._name, self._head.detectors)
        sources = self._head.landmarks
        at_once = 1 if live else batch_size
        return Animation(self._draw, opened, sources, motion, smooth, at_once)

    def draw(self, landmarks: np.ndarray) -> np.ndarray:
        """Draw the person with given landmarks.

        Args:
            landmarks: (68, 2), or (F, 68, 2), finite, pixels of a frame of `image_size`.

        Returns:
            (S, S, 3), or (F, S, S, 3), uint8 RGB.

        Raises:
            ValueError: another shape, or not finite.
        """
        points = np.asarray(landmarks)
        drawn = self._draw(points[None] if points.ndim == 2 else points)
        return drawn[0] if points.ndim == 2 else drawn
