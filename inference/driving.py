"""Where the motion comes from: a video, a folder of frames, or a file of landmarks."""

import sys
from pathlib import Path

from dataset.detection.detector import LandmarkDetector
from dataset.kinds_of_files import (
    PHOTO_SUFFIXES,
    is_film,
    is_photo,
    named,
    natural_order,
    passed_over,
    remedy,
)
from inference.camera import Camera, CameraDriving, DeviceCamera
from inference.driver import Driving
from inference.landmarks_driver import LandmarksDriving
from inference.seen_driver import PictureDriving, VideoDriving

LANDMARKS_FILE = ".npy"


def open_driving(
    path: Path | Camera,
    detector: LandmarkDetector | None,
    crop: str,
    size: int,
    fps: float | None = None,
    seconds: float | None = None,
) -> Driving:
    """Open a driver and find its face; the rest is read as it is walked through.

    Args:
        path: a video, a folder of frames (in the order of their names), one picture, an .npy of
            landmarks (frames, 68, 2), which may lie beside its clip as clip.landmarks.npy, the
            number of a camera of this machine, or a camera.
        detector: finds the landmarks; not used for an .npy.
        crop: whole, face or auto, as for the pictures of a person.
        size: side of the square frames, pixels.
        fps: frames per second of the result; None: the driver's. Where a driver tells when its
            frames are shown, the result keeps to that; else this is its tempo.
        seconds: after so many a camera ends; None: it does not by itself.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: it is none of these, or shows no face at all.
    """
    if is_camera(path):
        camera = path if isinstance(path, Camera) else DeviceCamera(int(str(path)))
        return CameraDriving(camera, detector, crop, size, fps, seconds)
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    if path.suffix.lower() == LANDMARKS_FILE:
        return LandmarksDriving(path, crop, size, fps)
    files = _frame_files(path)
    if files:
        return PictureDriving(path, files, detector, crop, size, fps)
    return VideoDriving(path, detector, crop, size, fps)


def is_camera(path: Path | Camera) -> bool:
    """Tell whether a driver is a camera, or the number of one and not a file of that name."""
    return isinstance(path, Camera) or (str(path).isdecimal() and not Path(path).exists())


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
