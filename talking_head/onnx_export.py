"""Heads and models written in ONNX, and how far those are from the ones in PyTorch."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from dataset.images import frame_to_image, normalize
from dataset.landmarks import draw_landmarks
from dataset.preparation.person import PersonFrames
from inference.onnx_export import export_head, export_model
from inference.prepared import embed_person
from network.embedder import Embedder
from network.generator import Generator
from network.personal_generator import PersonalGenerator
from system.progress import progress_bar
from talking_head.onnx import OnnxDrawing, OnnxHead
from talking_head.onnx_model import OnnxModel
from training.checkpoint import is_head, load, load_head, load_models
from training.provenance import detectors_of

AT_ONCE = 4  # more frames want more memory for attention: 92 of 64 pixels took 20 GB


class Exported(NamedTuple):
    """A file of ONNX, and what it was written from."""

    path: Path
    kind: str
    """In a sentence."""
    image_size: int
    """Side of the frames, pixels."""
    networks: tuple[PersonalGenerator] | tuple[Embedder, Generator]
    """Of a head, or of a model."""

    def difference(self, person: PersonFrames, frames: int) -> float:
        """Measure how far what it draws in ONNX Runtime is from what it draws in PyTorch.

        Args:
            person: the poses are between theirs; a model makes its head of these pictures, by
                either way, too.
            frames: so many are drawn.

        Returns:
            The greatest difference between two values, which are in [-1, 1].

        Raises:
            ValueError: ONNX Runtime is not installed.
        """
        if len(self.networks) == 1:
            (network,) = self.networks
            return _difference(OnnxHead(self.path), network, _poses_between(person, frames))
        head = OnnxModel(self.path).head_of(person)
        network = embed_person(*self.networks, *map(frame_to_image, person[:2]))
        return _difference(head, network, _poses_between(person, frames))


def export_onnx(checkpoint: Path, path: Path) -> Exported:
    """Write a head, or embedder and generator of a run or model, in ONNX.

    Raises:
        FileNotFoundError: there is no checkpoint.
        ValueError: it is none, damaged, or packages are missing.
    """
    if is_head(checkpoint):
        head = load_head(checkpoint)
        facts = {
            "crop": head.crop,
            "detectors": head.detectors,
            "landmarks": head.landmarks.round(2).tolist(),
        }
        export_head(head.network, head.image_size, facts, path)
        return Exported(path, "head", head.image_size, (head.network,))
    payload = load(checkpoint, "run", "model")
    size = payload["config"]["networks"]["image_size"]
    embedder, generator, *_ = load_models(payload, checkpoint)
    facts = {"detectors": detectors_of(payload["config"])}
    export_model(embedder, generator, size, facts, path)
    return Exported(path, "model", size, (embedder, generator))


def _poses_between(person: PersonFrames, count: int) -> np.ndarray:
    """Mix a person's landmarks at random: (count, 68, 2) float32."""
    shares = np.random.default_rng(0).dirichlet(np.ones(len(person.landmarks)), count)
    return np.tensordot(shares, person.landmarks, 1).astype(np.float32)


def _difference(exported: OnnxDrawing, network: PersonalGenerator, landmarks: np.ndarray) -> float:
    """Return the greatest difference between images in [-1, 1] by ONNX Runtime and by PyTorch."""
    greatest = 0.0
    with progress_bar(desc="comparing", unit="frame", total=len(landmarks)) as bar:
        for start in range(0, len(landmarks), AT_ONCE):
            part = landmarks[start : start + AT_ONCE]
            drawn = np.stack([draw_landmarks(points, exported.image_size) for points in part])
            image = network.draw(normalize(frame_to_image(drawn))).numpy()
            greatest = max(greatest, float(np.abs(exported.image(part) - image).max()))
            bar.update(len(part))
    return greatest
