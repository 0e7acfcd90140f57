"""Where landmarks come from: face-alignment's networks, or a file beside the video."""

import contextlib
import pickle
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from dataset.landmarks import POINTS
from dataset.video import count_frames, probe
from dataset.voxceleb import PHOTO_SUFFIXES

LANDMARKS_SUFFIX = ".landmarks.npy"
LARGEST_SIDE = 1280  # pixels; larger frames are shrunk, the alignment network sees 256 of a face
SMALLEST_SIDE = 32  # pixels; the detector's network shrinks by 32

# Source: face-alignment 1.5; its files keep their names in torch hub's folder.
WEIGHTS = {
    "s3fd-619a316812.pth": "https://www.adrianbulat.com/downloads/python-fan/s3fd-619a316812.pth",
    "2DFAN4-11f355bf06.pth.tar": (
        "https://www.adrianbulat.com/downloads/python-fan/2DFAN4-11f355bf06.pth.tar"
    ),
}


class LandmarksError(ValueError):
    """The landmarks of a video or photo cannot be had."""


class LandmarkDetector(Protocol):
    """Finds the 68 landmarks of one face in a frame."""

    def detect(
        self, frame: np.ndarray, path: Path, index: int, near: np.ndarray | None = None
    ) -> np.ndarray:
        """Return (68, 2) float32 landmarks in pixels of the frame, all NaN where there is no face.

        Args:
            frame: (H, W, 3) uint8 RGB.
            path: the video or photo that the frame is of.
            index: of the frame in that video, from 0.
            near: (68, 2) landmarks seen shortly before; of several faces the one that overlaps
                them most is taken. Without them, or if none overlaps: the largest.

        Raises:
            LandmarksError: the landmarks of this file cannot be had at all.
        """


class FaceAlignmentDetector:
    """face-alignment's S3FD and 2-D FAN, without compilation and mirrored passes.

    Args:
        device: cpu, cuda or cuda:N.
        threads: of the CPU, while it detects; None: as many as PyTorch uses anyway.

    Raises:
        ValueError: the package or its weights cannot be had; the message says what to do.
    """

    def __init__(self, device: str = "cpu", threads: int | None = None):
        self.threads = threads
        fetch_weights()
        try:
            import face_alignment
        except ImportError as error:
            raise ValueError(
                f"face-alignment cannot be imported ({error}): pip install face-alignment; "
                "where libGL.so.1 is missing, apt install libgl1"
            ) from None
        try:
            with _torch_settings_kept(threads):
                self.networks = face_alignment.FaceAlignment(
                    face_alignment.LandmarksType.TWO_D,
                    device=device,
                    flip_input=False,
                    compile=False,
                )
        except (
            pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError, AttributeError,
        ) as error:  # fmt: skip
            reason = str(error).split("\n")[0][:120]
            raise ValueError(
                f"face-alignment does not start with the weights {' and '.join(WEIGHTS)} in "
                f"{_weights_folder()} on {device} ({type(error).__name__}: {reason})"
            ) from None

    def detect(
        self, frame: np.ndarray, path: Path, index: int, near: np.ndarray | None = None
    ) -> np.ndarray:
        """See `LandmarkDetector`."""
        height, width = frame.shape[:2]
        scale = min(1.0, LARGEST_SIDE / max(height, width))
        if min(height, width) * scale < SMALLEST_SIDE:
            return np.full((POINTS, 2), np.nan, np.float32)
        if scale < 1:
            size = (round(width * scale), round(height * scale))
            frame = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        with _torch_settings_kept(self.threads), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "No faces were detected."
            faces = self.networks.get_landmarks_from_image(frame)
        back = np.array([width / frame.shape[1], height / frame.shape[0]])
        found = [(np.asarray(face) + 0.5) * back - 0.5 for face in faces or []]
        return choose_face(found, near)


def choose_face(faces: list[np.ndarray], near: np.ndarray | None) -> np.ndarray:
    """Return the face that overlaps `near` most, else the largest, else NaN.

    Args:
        faces: (68, 2) landmarks each.
        near: (68, 2) landmarks of the face to follow, or None.
    """
    if not faces:
        return np.full((POINTS, 2), np.nan, np.float32)
    overlaps = [0.0 if near is None else _overlap(face, near) for face in faces]
    if max(overlaps) > 0:
        best = int(np.argmax(overlaps))
    else:
        best = int(np.argmax([np.prod(np.ptp(face, axis=0)) for face in faces]))
    return faces[best].astype(np.float32)


def _overlap(face: np.ndarray, other: np.ndarray) -> float:
    """Return intersection over union of the boxes around two faces."""
    low = np.maximum(face.min(0), other.min(0))
    high = np.minimum(face.max(0), other.max(0))
    shared = np.prod(np.clip(high - low, 0, None))
    union = np.prod(np.ptp(face, axis=0)) + np.prod(np.ptp(other, axis=0)) - shared
    return float(shared / union) if union > 0 else 0.0


def fetch_weights() -> None:
    """Make sure that face-alignment's weights lie where it loads them from.

    Raises:
        ValueError: they are not there and cannot be downloaded.
    """
    import torch

    folder = _weights_folder()
    missing = [name for name in WEIGHTS if not (folder / name).is_file()]
    try:
        for name in missing:
            folder.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(WEIGHTS[name], str(folder / name), progress=True)
    except OSError as error:  # URLError is one
        addresses = " and ".join(WEIGHTS[name] for name in missing)
        raise ValueError(
            f"--detector face-alignment needs {' and '.join(missing)}, and they cannot be "
            f"downloaded ({error}): get {addresses} and put them into {folder}"
        ) from None


def _weights_folder() -> Path:
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints"


@contextlib.contextmanager
def _torch_settings_kept(threads: int | None) -> Iterator[None]:
    """Undo what face-alignment changes for the whole process, and limit its threads."""
    import torch

    benchmark, gradients = torch.backends.cudnn.benchmark, torch.is_grad_enabled()
    usual = torch.get_num_threads()
    torch.set_num_threads(threads or usual)
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = benchmark
        torch.set_grad_enabled(gradients)
        torch.set_num_threads(usual)


class StoredLandmarks:
    """Landmarks from clip.landmarks.npy beside clip.mp4: float32 (frames, 68, 2), NaN for no face.

    A photo's file has one frame.
    """

    def __init__(self):
        self._path: Path | None = None
        self._landmarks: np.ndarray | None = None

    def detect(
        self, frame: np.ndarray, path: Path, index: int, near: np.ndarray | None = None
    ) -> np.ndarray:
        """See `LandmarkDetector`; the pixels are not looked at."""
        if path != self._path:
            self._landmarks, self._path = read_landmarks(path), path
        if index >= len(self._landmarks):
            raise LandmarksError(
                f"{path.with_suffix(LANDMARKS_SUFFIX)} must hold the landmarks of each frame, "
                f"it ends at {len(self._landmarks)}, before frame {index}"
            )
        return np.array(self._landmarks[index])


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
    frames = 1 if is_photo else probe(path).frames
    if len(landmarks) != frames and not is_photo:
        frames = count_frames(path)
    if len(landmarks) != frames:
        raise LandmarksError(
            f"{file} must hold the landmarks of each frame, {path.name} has {frames} frames, "
            f"got {len(landmarks)}"
        )
    return landmarks


DETECTORS: dict[str, Callable[[str, int | None], LandmarkDetector]] = {
    "face-alignment": FaceAlignmentDetector,
    "stored": lambda device, threads: StoredLandmarks(),
}


def create_detector(name: str, device: str = "cpu", threads: int | None = None) -> LandmarkDetector:
    """Make the detector of that name.

    Args:
        name: face-alignment or stored.
        device: where its networks run, if it has any.
        threads: CPU threads for them; None: as many as PyTorch uses anyway.

    Raises:
        ValueError: there is none of that name, or its weights cannot be had.
    """
    _check_name(name)
    return DETECTORS[name](str(device), threads)


def prepare_detector(name: str) -> None:
    """Fetch what `create_detector` needs, once, before many processes do.

    Raises:
        ValueError: there is none of that name, or its weights cannot be had.
    """
    _check_name(name)
    if name == "face-alignment":
        fetch_weights()


def _check_name(name: str) -> None:
    if name not in DETECTORS:
        raise ValueError(f"--detector must be one of {', '.join(DETECTORS)}, got {name!r}")
