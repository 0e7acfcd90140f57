"""Checkpoints of runs and heads: tensors and plain values only, whole or not at all."""

import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from network.personal_generator import PersonalGenerator
from network.spectral_norm import made_to_be_loaded
from system.files import replacing
from training.foreign import count_tensors, start_of_another_kind
from training.inputs import LAST
from training.models import Models, build_models
from training.provenance import detectors_of

FORMAT = 3  # 2: generators of four down blocks whatever the size; 1: heads without crop, landmarks
KINDS = {
    "run": "a run of train.py",
    "model": "a model of train.py export",
    "head": "a head of train.py finetune",
}
CHECKPOINTS = "[0-9]*.pt"


class Head(NamedTuple):
    """One person's head, with what inference needs to know of the pictures it was made from."""

    network: PersonalGenerator
    config: Mapping[str, Any]
    """Of the run that it comes from."""
    crop: str
    """How the pictures were cut, and so how drivers are to be: whole or face."""
    landmarks: np.ndarray
    """(T, 68, 2) float32 of the pictures, pixels of frames of `image_size`."""
    detector: str | None = None
    """Found the landmarks of the pictures that it was fine-tuned on; None: it was not, or is of
    older code, which did not note it."""

    @property
    def image_size(self) -> int:
        """Side of the frames, pixels."""
        return self.config["networks"]["image_size"]

    @property
    def detectors(self) -> tuple[str, ...]:
        """Whose landmarks it has learnt last, if known: the person's, else the run's."""
        return (self.detector,) if self.detector else detectors_of(self.config)


def save(payload: Mapping[str, Any], path: Path) -> None:
    """Write `payload` to `path` atomically.

    Raises:
        OSError: the disk is full or the folder cannot be written; an older file stays as it was.
    """
    with replacing(Path(path), sync=True) as partial:
        try:
            with partial.open("wb") as file:  # by its name, PyTorch would want a suffix
                torch.save({"format": FORMAT, **payload}, file)
        except RuntimeError as error:  # PyTorch's writer hides the system's own error
            raise OSError(f"cannot write {path}: {error}") from error


def save_run(payload: Mapping[str, Any], run: Path, step: int, keep: int) -> None:
    """Write checkpoints/STEP.pt, point last.pt to it and delete all but the newest `keep`."""
    folder = Path(run) / "checkpoints"
    path = folder / f"{step:08d}.pt"
    save({"kind": "run", "step": step, **payload}, path)
    with replacing(Path(run) / LAST) as link:
        try:
            os.link(path, link)
        except OSError:  # a file system without hard links
            shutil.copyfile(path, link)
    for old in sorted(folder.glob(CHECKPOINTS))[:-keep]:
        old.unlink()


def save_model(payload: Mapping[str, Any], path: Path) -> None:
    """Write what a run has learnt, to be given away: the networks alone, in float16.

    There is no row of W in it and no optimiser, so that it can be fine-tuned, animated and
    evaluated, but not trained further; and no folder of the machine that it was learnt on.

    Args:
        payload: of a run, as `load` gives it.
    """
    networks = {"discriminator": payload["networks"]["discriminator"]}
    save(
        {
            "kind": "model",
            "config": _without_folders(payload["config"]),
            **{key: payload[key] for key in ("step", "videos", "mean_row_norm")},
            "networks": _halved(networks),
            "average": _halved(payload["average"]),
        },
        path,
    )


def _without_folders(config: Mapping[str, Any]) -> dict[str, Any]:
    """Of what is given away: which files were used still counts, not where they lay."""
    kept = {key: value for key, value in config.items() if key not in ("run", "mix", "start_from")}
    for network in ("vgg19", "vggface"):
        if kept.get(network):
            kept[network] = Path(kept[network]).name
    return kept


def _halved(networks: Mapping[str, Mapping[str, Tensor]]) -> dict[str, dict[str, Tensor]]:
    return {
        name: {key: value.half() for key, value in state.items()}
        for name, state in networks.items()
    }


def load(path: Path, *kinds: str) -> dict[str, Any]:
    """Read a checkpoint into CPU memory; nothing in it is ever executed.

    Args:
        path: a file, or a run's folder (its newest whole checkpoint is read).
        kinds: what it may be: "run", "model", "head".

    Raises:
        FileNotFoundError: no such file or folder, or no checkpoint in it.
        ValueError: the file is damaged, of another kind or of a newer format.
    """
    path = Path(path)
    if path.is_dir():
        if "run" not in kinds:
            raise ValueError(f"{path} must be {_named(kinds)}, it is a folder")
        return newest_of_run(path)
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint {path}")
    payload = _read(path)
    if payload["kind"] not in kinds:
        raise ValueError(f"{path} must be {_named(kinds)}, it is a {payload['kind']!r}")
    if payload.get("format") != FORMAT:
        raise ValueError(f"{path} must have format {FORMAT}, it has {payload.get('format')!r}")
    return payload


def _named(kinds: Collection[str]) -> str:
    return " or ".join(KINDS[kind] for kind in kinds)


def newest_of_run(run: Path) -> dict[str, Any]:
    """Read the newest checkpoint of a run that is whole.

    Raises:
        FileNotFoundError: there is none.
        ValueError: there are some, and none is whole and of this format.
    """
    candidates = [Path(run) / LAST, *_steps(Path(run))]
    complaints = []
    for path in filter(Path.is_file, candidates):
        try:
            return load(path, "run")
        except ValueError as error:
            complaints.append(str(error))
    if complaints:
        raise ValueError("; ".join(complaints))
    raise FileNotFoundError(f"no checkpoint in {run}")


def is_run(folder: Path) -> bool:
    """Tell whether a folder is a run of `train.py`, whole or just begun."""
    folder = Path(folder)
    if (folder / LAST).is_file() or (folder / "checkpoints").is_dir():
        return True
    return config_of_run(folder) is not None


def config_of_run(folder: Path) -> dict[str, Any] | None:
    """Read what a run of `train.py` was begun with; None where there is nothing of it."""
    try:
        config = json.loads((Path(folder) / "config.json").read_text())
    except (OSError, ValueError):
        return None
    return config if isinstance(config, dict) and {"run", "networks"} <= config.keys() else None


def is_head(path: Path) -> bool:
    """Tell a head from a run or model, reading the file.

    Raises:
        FileNotFoundError: it is a folder without a checkpoint.
        ValueError: it is none of these.
    """
    path = Path(path)
    if path.is_dir() and not (path / LAST).is_file() and not _steps(path):
        raise FileNotFoundError(f"no checkpoint in {path}")
    return path.is_file() and _read(path)["kind"] == "head"


def save_head(head: Head, path: Path) -> None:
    """Write a head, to be given away: the generator and the style alone, and no folder's name."""
    payload = {
        "kind": "head",
        "config": _without_folders(head.config),
        "generator": {k: v.cpu() for k, v in head.network.generator.state_dict().items()},
        "style": head.network.style.detach().cpu(),
        "crop": head.crop,
        "landmarks": torch.from_numpy(head.landmarks),
        "detector": head.detector,
    }
    save(payload, path)


def load_head(path: Path) -> Head:
    """Load what `save_head` wrote, ready to draw, on the CPU."""
    payload = load(path, "head")
    with made_to_be_loaded():
        models = build_models(1, **payload["config"]["networks"])
    restore(models.generator, payload["generator"], path)
    network = PersonalGenerator(models.generator, payload["style"]).eval()
    landmarks, detector = payload["landmarks"].numpy(), payload.get("detector")
    return Head(network, payload["config"], payload["crop"], landmarks, detector)


def load_models(payload: Mapping[str, Any], path: Path) -> Models:
    """Build the networks of a run: averaged embedder and generator, the discriminator as it is."""
    with made_to_be_loaded():
        models = build_models(1, **payload["config"]["networks"])
    restore_models(models, payload, path)
    return models


def restore_models(models: Models, payload: Mapping[str, Any], path: Path) -> None:
    """Load what a run or model has learnt: averaged embedder and generator, D as it is; no W.

    Raises:
        ValueError: names or shapes differ, with the first difference.
    """
    restore(models.embedder, payload["average"]["embedder"], path)
    restore(models.generator, payload["average"]["generator"], path)
    restore(models.discriminator, payload["networks"]["discriminator"], path)


def restore(network: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    """Load a state dict.

    Raises:
        ValueError: names or shapes differ, with the first difference.
    """
    own = network.state_dict()
    name = type(network).__name__.lower()
    if own.keys() != state.keys():
        different = sorted(own.keys() ^ state.keys())[0]
        raise ValueError(f"{path}: the {name} differs from the configured one in {different}")
    for key, value in own.items():
        if value.shape != state[key].shape:
            raise ValueError(
                f"{path}: {name}.{key} must have shape {tuple(value.shape)}, "
                f"got {tuple(state[key].shape)}"
            )
    network.load_state_dict(state)


def _steps(run: Path) -> list[Path]:
    """List the checkpoints of a run, the newest first."""
    return sorted((run / "checkpoints").glob(CHECKPOINTS), reverse=True)


def _read(path: Path) -> dict[str, Any]:
    """Read a file of one of our kinds; of any other say what it is."""
    what = start_of_another_kind(path)
    if what:
        raise ValueError(f"{path} is not a whole checkpoint of this library: {what}")
    try:
        with zipfile.ZipFile(path) as archive:  # PyTorch writes checksums and never compares them
            damaged = archive.testzip()
        if damaged is not None:
            raise ValueError(f"the checksum of {damaged} differs")
        payload = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path} is no checkpoint of this library: it holds objects, not tensors alone"
        ) from error
    except Exception as error:
        reason = str(error).split(". ")[0].splitlines()[0][:200]
        raise ValueError(f"{path} is not a whole checkpoint: {reason}") from error
    kind = payload.get("kind") if isinstance(payload, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        tensors = count_tensors(payload)
        raise ValueError(f"{path} holds {tensors} tensors but is no checkpoint of this library")
    return payload
