"""A head as a file of ONNX, which is drawn without PyTorch."""

import contextlib
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from dataset.images import normalize, quantize
from dataset.landmarks import PARTS
from inference.onnx_format import FORMAT, KIND, OPSET, PREFIX, Names
from inference.prepared import folded
from network.personal_generator import PersonalGenerator
from system.files import replacing

PACKAGES = ("onnx", "onnxscript")  # that PyTorch exports with
LOGGERS = ("onnxscript", "onnx_ir", "torch.onnx")


class _Drawing(nn.Module):
    """From landmark images as they are drawn to frames as they are shown."""

    def __init__(self, head: PersonalGenerator):
        super().__init__()
        self.head = head

    def forward(self, landmarks: Tensor) -> tuple[Tensor, Tensor]:
        image = self.head(normalize(landmarks.movedim(-1, 1)))
        return quantize(image).movedim(1, -1), image


def export_head(
    head: PersonalGenerator, image_size: int, facts: Mapping[str, object], path: Path
) -> None:
    """Write a head's graph: landmark images (B, S, S, 3) uint8 to frames of that shape and type.

    Spectral norms are folded into the kernels. A second output has the frames before they are
    rounded, (B, 3, S, S) in [-1, 1].

    Args:
        head: of one person.
        image_size: S, pixels.
        facts: more for the file's metadata, as JSON has it.
        path: the file, which appears whole.

    Raises:
        ValueError: a package that this needs is not installed.
    """
    missing = [package for package in PACKAGES if find_spec(package) is None]
    if missing:
        raise ValueError(f"--format onnx needs more packages: pip install {' '.join(missing)}")
    graph = _Drawing(folded(head, torch.float32).cpu())
    example = torch.zeros(2, image_size, image_size, 3, dtype=torch.uint8)
    with _quiet():
        program = torch.onnx.export(
            graph, (example,), input_names=[Names.LANDMARKS],
            output_names=[Names.FRAMES, Names.IMAGE], opset_version=OPSET,
            dynamic_shapes=({0: torch.export.Dim("batch")},), dynamo=True, verbose=False,
        )  # fmt: skip
    described = {**_description(image_size), **facts}
    program.model.metadata_props.update(
        {f"{PREFIX}{key}": json.dumps(value) for key, value in described.items()}
    )
    with replacing(path) as partial:
        program.save(str(partial), external_data=False)


def _description(image_size: int) -> dict[str, object]:
    """Say what the graph is and wants, for whoever finds it alone."""
    side = f"{image_size}, {image_size}"
    return {
        "kind": KIND,
        "format": FORMAT,
        "opset": OPSET,
        "image_size": image_size,
        "input": f"{Names.LANDMARKS}: (batch, {side}, 3) uint8 RGB, lines on black; below 256 "
        "pixels they are drawn at 256, 2 pixels wide, and reduced by means",
        "parts": [
            {"name": part.name, "points": [part.start, part.stop - 1], "closed": part.closed,
             "rgb": part.color}
            for part in PARTS
        ],
        "output": f"{Names.FRAMES}: (batch, {side}, 3) uint8 RGB; {Names.IMAGE}: (batch, 3, {side})"
        " float32 in [-1, 1]",
    }  # fmt: skip


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter from telling of what the user cannot change."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
