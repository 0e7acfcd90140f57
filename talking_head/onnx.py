"""A head in a file of ONNX: drawn by ONNX Runtime, without PyTorch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dataset.landmarks import POINTS, draw_landmarks
from inference.animate import Draw
from inference.onnx_format import HEAD, Names
from inference.onnx_session import open_session
from talking_head.drawing import DrawingHead

ONNX = ".onnx"


class Known(NamedTuple):
    """What is known of the head, see `Facts`."""

    image_size: int
    crop: str
    landmarks: np.ndarray
    detectors: tuple[str, ...]


class OnnxDrawing(DrawingHead):
    """A person's head that ONNX Runtime draws."""

    device = "cpu"

    def image(self, landmarks: Sequence[np.ndarray]) -> np.ndarray:
        """Draw, but give images (B, 3, S, S) float32 in [-1, 1], not yet rounded."""
        return self._of_landmarks(Names.IMAGE, landmarks)

    def _prepare(self) -> Draw:
        return lambda landmarks: self._of_landmarks(Names.FRAMES, landmarks)

    def _of_landmarks(self, output: str, landmarks: Sequence[np.ndarray]) -> np.ndarray:
        drawn = [draw_landmarks(points, self.image_size) for points in landmarks]
        return self._run(output, np.stack(drawn))

    def _run(self, output: str, drawn: np.ndarray) -> np.ndarray:
        """Compute an output of the graph from drawn landmarks (B, S, S, 3) uint8 RGB."""
        raise NotImplementedError


class OnnxHead(OnnxDrawing):
    """A person's head out of a file of `train.py export --format onnx`.

    Args:
        path: the file.
        threads: of the CPU; 0: as many as there are cores.
        providers: of ONNX Runtime, the first that is there is taken; None: its own order.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: ONNX Runtime is not installed, or the file is damaged, of another kind, or not
            of this library.
    """

    def __init__(self, path: str | Path, threads: int = 0, providers: Sequence[str] | None = None):
        self._name = str(path)
        self._session, self._head = open_session(Path(path), HEAD, _known, threads, providers)

    def _run(self, output: str, drawn: np.ndarray) -> np.ndarray:
        (result,) = self._session.run([output], {Names.LANDMARKS: drawn})
        return result


def _known(told: dict[str, Any]) -> Known:
    landmarks = np.array(told["landmarks"], np.float32).reshape(-1, POINTS, 2)
    detectors = tuple(map(str, told["detectors"]))
    return Known(int(told["image_size"]), str(told["crop"]), landmarks, detectors)
