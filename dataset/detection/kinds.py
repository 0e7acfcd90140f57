"""The kinds of landmark detectors, by name."""

from collections.abc import Callable

from dataset.detection.detector import LandmarkDetector, Which
from dataset.detection.stored import StoredLandmarks


def _face_alignment(*options: object) -> LandmarkDetector:
    from dataset.detection.face_alignment import (
        FaceAlignmentDetector,  # with PyTorch, which the others do without
    )

    return FaceAlignmentDetector(*options)


def _dlib(device: str, threads: int | None, precision: str, face: Which) -> LandmarkDetector:
    from dataset.detection.dlib import DlibDetector

    return DlibDetector(face)  # on the CPU, in one thread


DETECTORS: dict[str, Callable[[str, int | None, str, Which], LandmarkDetector]] = {
    "face-alignment": _face_alignment,
    "dlib": _dlib,
    "stored": lambda *_: StoredLandmarks(),
}


def create_detector(
    name: str,
    device: str = "cpu",
    threads: int | None = None,
    precision: str = "float32",
    face: Which = "largest",
) -> LandmarkDetector:
    """Make the detector of that name.

    Args:
        name: face-alignment, dlib or stored.
        device: where face-alignment's networks run.
        threads: CPU threads for them; None: as many as PyTorch uses anyway.
        precision: of them, float32 or bfloat16.
        face: which of several faces it takes where none was seen before; see `choose_face`.

    Raises:
        ValueError: there is none of that name, or its weights cannot be had.
    """
    _check_name(name)
    return DETECTORS[name](str(device), threads, precision, face)


def prepare_detector(name: str) -> None:
    """Fetch what `create_detector` needs, once, before many processes do.

    Raises:
        ValueError: there is none of that name, or its weights cannot be had.
    """
    _check_name(name)
    if name == "face-alignment":
        from dataset.detection.face_alignment import fetch_weights

        fetch_weights()
    elif name == "dlib":
        from dataset.detection.dlib import prepare

        prepare()


def _check_name(name: str) -> None:
    if name not in DETECTORS:
        raise ValueError(f"--detector must be one of {', '.join(DETECTORS)}, got {name!r}")
