"""Heads and models as files of ONNX, which are drawn without PyTorch."""

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
from inference.folding import folded
from inference.onnx_format import FORMAT, HEAD, MODEL, OPSET, PREFIX, Names
from network.components import means_rows_first
from network.embedder import Embedder
from network.generator import Generator
from network.personal_generator import PersonalGenerator
from system.files import replacing

PACKAGES = ("onnx", "onnxscript")  # that PyTorch exports with
LOGGERS = ("onnxscript", "onnx_ir", "torch.onnx")
BATCH, PICTURES = "batch", "pictures"  # what the lengths of inputs are called


def export_head(
    head: PersonalGenerator, image_size: int, facts: Mapping[str, object], path: Path
) -> None:
    """Write a head's graph: landmark images (B, S, S, 3) uint8 to frames of that shape and type.

    Spectral norms are folded into the kernels; 4x4 kernels that are made of 3x3 ones are made when
    a session is opened. A second output has the frames before they are rounded, (B, 3, S, S) in
    [-1, 1].

    Args:
        head: of one person.
        image_size: S, pixels.
        facts: more for the file's metadata, as JSON has it.
        path: the file, which appears whole.

    Raises:
        ValueError: a package that this needs is not installed.
    """
    graph = _Head(folded(head, torch.float32).cpu())
    drawn = torch.zeros(2, image_size, image_size, 3, dtype=torch.uint8)
    told = {"kind": HEAD, **_of_landmarks(image_size), **facts}
    _export(graph, {Names.LANDMARKS: (drawn, BATCH)}, [Names.FRAMES, Names.IMAGE], told, path)


def export_model(
    embedder: Embedder,
    generator: Generator,
    image_size: int,
    facts: Mapping[str, object],
    path: Path,
) -> None:
    """Write the graph of a model: as that of a head, but with the style as a second input.

    Beside it, in the same graph, pictures (T, S, S, 3) uint8 and their landmark images become
    styles, one of each picture; a person's is their mean. The halves share nothing, so that a
    batch of none for one of them spares its work. The other arguments are those of `export_head`.
    """
    graph = _Model(*(folded(network, torch.float32).cpu() for network in (embedder, generator)))
    drawn = torch.zeros(3, image_size, image_size, 3, dtype=torch.uint8)
    inputs = {  # examples of equal lengths would be taken for one length
        Names.PICTURES: (drawn[:2], PICTURES),
        Names.PICTURE_LANDMARKS: (drawn[:2], PICTURES),
        Names.LANDMARKS: (drawn, BATCH),
        Names.STYLE: (torch.zeros(3, generator.style_size), BATCH),
    }
    outputs = [Names.PICTURE_STYLES, Names.FRAMES, Names.IMAGE]
    drawing = _of_landmarks(image_size)
    told = {
        "kind": MODEL,
        **drawing,
        "style_size": generator.style_size,
        "input": f"{drawing['input']}; {Names.STYLE}: (batch, {generator.style_size}) float32; "
        f"{Names.PICTURES}: (pictures, {image_size}, {image_size}, 3) uint8 RGB; "
        f"{Names.PICTURE_LANDMARKS}: theirs, like {Names.LANDMARKS}",
        "output": f"{drawing['output']}; {Names.PICTURE_STYLES}: (pictures, "
        f"{generator.style_size}) float32, whose mean is the person's {Names.STYLE}",
        "use": f"first {Names.PICTURES} and {Names.PICTURE_LANDMARKS}, with a batch of 0 of the "
        f"others, for {Names.PICTURE_STYLES}; then {Names.LANDMARKS} and {Names.STYLE}, with a "
        f"batch of 0 of the others, for {Names.FRAMES}",
        **facts,
    }
    _export(graph, inputs, outputs, told, path)


class _Head(nn.Module):
    """From landmark images as they are drawn to frames as they are shown."""

    def __init__(self, head: PersonalGenerator):
        super().__init__()
        self.head = head

    def forward(self, landmarks: Tensor) -> tuple[Tensor, Tensor]:
        image = self.head(_image(landmarks))
        return _frame(image), image


class _Model(nn.Module):
    """From pictures to styles, and from landmark images and styles to frames."""

    def __init__(self, embedder: Embedder, generator: Generator):
        super().__init__()
        self.embedder, self.generator = embedder, generator

    def forward(
        self, pictures: Tensor, picture_landmarks: Tensor, landmarks: Tensor, style: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        embeddings = self.embedder(_image(pictures), _image(picture_landmarks))
        image = self.generator(_image(landmarks), style)
        return self.generator.project(embeddings), _frame(image), image


def _image(frame: Tensor) -> Tensor:
    return normalize(frame.movedim(-1, 1))


def _frame(image: Tensor) -> Tensor:
    return quantize(image).movedim(1, -1)


def _export(
    graph: nn.Module,
    inputs: Mapping[str, tuple[Tensor, str]],
    outputs: list[str],
    told: Mapping[str, object],
    path: Path,
) -> None:
    """Write a graph; `inputs` has an example of each, and what its batch is called."""
    missing = [package for package in PACKAGES if find_spec(package) is None]
    if missing:
        raise ValueError(f"--format onnx needs more packages: pip install {' '.join(missing)}")
    examples, batches = zip(*inputs.values(), strict=True)
    with _quiet(), means_rows_first():
        program = torch.onnx.export(
            graph, examples, input_names=list(inputs), output_names=outputs, opset_version=OPSET,
            dynamic_shapes=tuple({0: torch.export.Dim(name)} for name in batches),
            dynamo=True, verbose=False,
        )  # fmt: skip
    told = {"format": FORMAT, "opset": OPSET, **told}
    program.model.metadata_props.update(
        {f"{PREFIX}{key}": json.dumps(value) for key, value in told.items()}
    )
    with replacing(path) as partial:
        program.save(str(partial), external_data=False)


def _of_landmarks(image_size: int) -> dict[str, object]:
    """Say what a graph that draws is and wants, for whoever finds it alone."""
    side = f"{image_size}, {image_size}"
    return {
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
