"""Files of `train.py export --format onnx`, opened by ONNX Runtime."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from inference.onnx_format import FORMAT, HEAD, MODEL, PREFIX

PACKAGE = "onnxruntime"
MISTAKEN = {
    HEAD: "is a head, which knows its person: --source is for a run or a model",
    MODEL: "is a model, which knows no person: give pictures of one with --source",
}

Facts = TypeVar("Facts")


def open_session(
    path: Path,
    kind: str,
    read: Callable[[dict[str, Any]], Facts],
    threads: int = 0,
    providers: Sequence[str] | None = None,
) -> tuple[Any, Facts]:
    """Open a file and read its metadata.

    Args:
        path: the file.
        kind: of `inference.onnx_format`; the other kind is refused.
        read: makes facts of the metadata; its KeyError, TypeError and ValueError are understood.
        threads: of the CPU; 0: as many as there are cores.
        providers: of ONNX Runtime, the first that is there is taken; None: its own order.

    Returns:
        ONNX Runtime's session, and the facts.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: ONNX Runtime is not installed, or the file is damaged, of another kind, or not
            of this library.
    """
    session = _session(path, threads, providers)
    metadata = session.get_modelmeta().custom_metadata_map
    try:
        told = {
            key.removeprefix(PREFIX): json.loads(value)
            for key, value in metadata.items()
            if key.startswith(PREFIX)
        }
        if told["kind"] == kind and told["format"] == FORMAT:
            return session, read(told)
    except KeyError as error:
        raise ValueError(
            f"{path} is no {kind} of this library: it does not tell its {error}"
        ) from None
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} must be a {kind} of format {FORMAT}: {error}") from None
    if told["kind"] in MISTAKEN and told["kind"] != kind:
        raise ValueError(f"{path} {MISTAKEN[told['kind']]}")
    raise ValueError(
        f"{path} must be a {kind} of format {FORMAT}: it is {told['kind']!r}, "
        f"format {told['format']!r}"
    )


def _session(path: Path, threads: int, providers: Sequence[str] | None) -> Any:
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
