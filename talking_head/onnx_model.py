"""Embedder and generator in a file of ONNX: a head from pictures, without PyTorch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dataset.detection.detector import Which
from dataset.preparation.person import PersonFrames
from inference.onnx_format import MODEL, Names
from inference.onnx_session import open_session
from talking_head.drawing import DETECTOR
from talking_head.onnx import Known, OnnxDrawing
from talking_head.pictures import Model, Pictures, frames_for


class OnnxModel:
    """A model out of a file of `train.py export --format onnx`, which makes anybody's head.

        head = OnnxModel("vox.onnx").from_pictures("photos/")
        head.animate("speech.mp4").save("me.mp4")

    Its graph has both networks side by side. Of what is given an empty batch nothing is computed:
    to draw costs what it costs of a head's file.

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
        self._session, known = open_session(Path(path), MODEL, _known, threads, providers)
        self.image_size, self._detectors = known.image_size, known.detectors
        no_pictures = np.zeros((0, known.image_size, known.image_size, 3), np.uint8)
        self._nothing = {
            Names.PICTURES: no_pictures,
            Names.PICTURE_LANDMARKS: no_pictures,
            Names.LANDMARKS: no_pictures,
            Names.STYLE: np.zeros((0, known.style_size), np.float32),
        }

    def from_pictures(
        self,
        pictures: Pictures,
        *,
        shots: int = 32,
        detector: str = DETECTOR,
        face: Which = "largest",
        crop: str = "auto",
        batch_size: int = 8,
        seed: int = 0,
    ) -> OnnxDrawing:
        """Make a head from pictures without any learning, as `TalkingHead.from_pictures` does.

        Args:
            pictures: of the person.
            shots: T, at most this many are used.
            detector: dlib or stored, which need no PyTorch, or face-alignment.
            face: which of several faces.
            crop: whole, face or auto.
            batch_size: pictures embedded at once.
            seed: chooses the pictures of a film.

        Raises:
            FileNotFoundError: a file is not there.
            ValueError: the pictures show no face.
        """
        model = Model(self._name, self.image_size, self._detectors, OnnxDrawing.device)
        person = frames_for(
            model, pictures, shots, detector=detector, face=face, crop=crop, seed=seed
        )
        return self.head_of(person, batch_size)

    def head_of(self, person: PersonFrames, batch_size: int = 8) -> OnnxDrawing:
        """Make the head of a person whose pictures are cut and drawn already."""
        known = Known(self.image_size, person.crop, person.landmarks, self._detectors)
        style = self.style(person.frames, person.drawn, batch_size)
        return _HeadOfModel(self, self._name, known, style)

    def style(self, frames: np.ndarray, drawn: np.ndarray, batch_size: int = 8) -> np.ndarray:
        """Return a person's style, the mean of the styles of their pictures.

        P being affine, it is the style of the mean embedding (psi-hat = P e-hat in the paper).

        Args:
            frames, drawn: (T, H, W, 3) uint8 RGB: pictures and their landmarks.
            batch_size: pictures embedded at once.

        Returns:
            (1, S) float32.
        """
        styles = [
            self.run(
                Names.PICTURE_STYLES,
                {
                    Names.PICTURES: frames[start : start + batch_size],
                    Names.PICTURE_LANDMARKS: drawn[start : start + batch_size],
                },
            )
            for start in range(0, len(frames), batch_size)
        ]
        return np.concatenate(styles).mean(axis=0, keepdims=True)

    def run(self, output: str, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """Compute one output from those inputs that it depends on, see `Names`."""
        (result,) = self._session.run([output], self._nothing | inputs)
        return result


class _HeadOfModel(OnnxDrawing):
    """A head that a model has made."""

    def __init__(self, model: OnnxModel, name: str, known: Known, style: np.ndarray):
        self._model, self._name, self._head, self._style = model, name, known, style

    def _run(self, output: str, drawn: np.ndarray) -> np.ndarray:
        style = np.repeat(self._style, len(drawn), axis=0)  # (B, S)
        return self._model.run(output, {Names.LANDMARKS: drawn, Names.STYLE: style})


class _Told(NamedTuple):
    image_size: int
    style_size: int
    detectors: tuple[str, ...]


def _known(told: dict[str, Any]) -> _Told:
    detectors = tuple(map(str, told["detectors"]))
    return _Told(int(told["image_size"]), int(told["style_size"]), detectors)
