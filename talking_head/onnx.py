"""A head in a file of ONNX: drawn by ONNX Runtime, without PyTorch."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dataset.landmarks import POINTS, draw_landmarks
from inference.animate import Draw
from inference.onnx_format import FORMAT, KIND, PREFIX, Names
from talking_head.drawing import DrawingHead

ONNX = ".onnx"
PACKAGE = "onnxruntime"


class _Known(NamedTuple):
    """What the file tells of the head, see `Facts`."""

    image_size: int
    crop: str
    landmarks: np.ndarray
    detectors: tuple[str, ...]


class OnnxHead(DrawingHead):
    """A person's head out of a file of `train.py export --format onnx`.

    Args:
        path: the file.
        threads: of the CPU; 0: as many as there are cores.
        providers: of ONNX Runtime, the first that is there is taken; None: its own order.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: ONNX Runtime is not installed, or the file is damaged or not of this library.
    """

    def __init__(self, path: str | Path, threads: int = 0, providers: Sequence[str] | None = None):
        self._name, self.device = str(path), "cpu"
        self._session = _open(Path(path), threads, providers)
        self._head = _known(self._session.get_modelmeta().custom_metadata_map, self._name)

    def image(self, landmarks: Sequence[np.ndarray]) -> np.ndarray:
        """Draw, but give images (B, 3, S, S) float32 in [-1, 1], not yet rounded."""
        return self._run(Names.IMAGE, landmarks)

    def _prepare(self) -> Draw:
        return lambda landmarks: self._run(Names.FRAMES, landmarks)

    def _run(self, output: str, landmarks: Sequence[np.ndarray]) -> np.ndarray:
        drawn = np.stack([draw_landmarks(points, self.image_size) for points in landmarks])
        (result,) = self._session.run([output], {Names.LANDMARKS: drawn})
        return result


def _open(path: Path, threads: int, providers: Sequence[str] | None) -> Any:
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist")
    try:
        import onnxruntime
    except ImportError:
        raise ValueError(f"{path} needs one more package: pip install {PACKAGE}") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors, which are raised too
    wanted = list(providers) if providers else onnxruntime.get_available_providers()
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=wanted)
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{path} is not a whole file of ONNX: {reason}") from error


def _known(metadata: dict[str, str], path: str) -> _Known:
    """Read what the file tells of its head."""
    told = {key.removeprefix(PREFIX): value for key, value in metadata.items() if PREFIX in key}
    try:
        told = {key: json.loads(value) for key, value in told.items()}
        if (told["kind"], told["format"]) != (KIND, FORMAT):
            raise ValueError(f"it is {told['kind']!r}, format {told['format']!r}")
        landmarks = np.array(told["landmarks"], np.float32).reshape(-1, POINTS, 2)
        detectors = tuple(map(str, told["detectors"]))
        return _Known(int(told["image_size"]), str(told["crop"]), landmarks, detectors)
    except KeyError as error:
        raise ValueError(
            f"{path} is no head of this library: it does not tell its {error}"
        ) from None
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} must be a head of format {FORMAT}: {error}") from None
