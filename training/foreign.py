"""What a file is that somebody has taken for a checkpoint."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

ZIP = b"PK\x03\x04"  # what PyTorch writes
OTHERS = {
    b"\xff\xd8": "a JPEG",
    b"\x89PNG": "a PNG",
    b"\x80": "a pickle",
    b"{": "JSON",
    b"\x08": "ONNX",
}


def start_of_another_kind(path: Path) -> str | None:
    """Guess from its first bytes what a file is; None if it begins as a checkpoint does."""
    with path.open("rb") as file:
        start = file.read(len(ZIP))
    if start == ZIP:
        return None
    if not start:
        return "it is empty"
    for known, name in OTHERS.items():
        if start.startswith(known):
            return f"it begins as {name} does"
    return "it begins otherwise"


def count_tensors(value: object) -> int:
    """Count the tensors in nested dicts and lists."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return sum(map(count_tensors, value))
    return int(isinstance(value, Tensor))
