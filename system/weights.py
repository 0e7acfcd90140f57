"""Weights that others have trained: found in torch hub's folder, fetched, or asked for."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from system.missing import MissingWeights

DIGEST = re.compile(r"-([0-9a-f]{8,})\.pth")  # of a file's SHA-256, its first digits


def hub_folder() -> Path:
    """Return the folder in which torch hub keeps weights."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def fetch(url: str) -> Path:
    """Return the file of a URL in torch hub's folder, downloading it where that is possible.

    Args:
        url: ends in NAME-DIGEST.pth, with the first digits of the file's SHA-256, which a
            download is checked against. A file that is there already is taken as it is.

    Raises:
        MissingWeights: it is not there and cannot be had, with the place to put it.
    """
    return fetch_all([url])[0]


def fetch_all(urls: Sequence[str], check: bool = True) -> list[Path]:
    """Return the files of several URLs; see `fetch`.

    Args:
        urls: where they are to be had.
        check: compare a download with the digest in its name.

    Raises:
        MissingWeights: some are not there and cannot be had; all of them are named.
    """
    folder = hub_folder()
    paths = {url: folder / Path(url).name for url in urls}
    missing = [url for url, path in paths.items() if not path.is_file()]
    try:
        for url in missing:
            folder.mkdir(parents=True, exist_ok=True)
            digest = DIGEST.search(url)[1] if check else None
            torch.hub.download_url_to_file(url, str(paths[url]), digest)
    except (OSError, RuntimeError) as error:  # URLError is an OSError
        names = " and ".join(paths[url].name for url in missing)
        sources = " and ".join(f"{paths[url].name} from {url}" for url in missing)
        raise MissingWeights(
            f"{names} cannot be downloaded ({error}): put {sources} into {folder}"
        ) from error
    return list(paths.values())


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a file of tensors; nothing else in it is ever run.

    Raises:
        ValueError: it is not such a file.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # nonsense is taken for a pickle, and fails in many ways
        raise ValueError(f"{path} is not a file of weights") from error
    if not isinstance(state, Mapping):
        raise ValueError(f"{path} is not a file of weights by their names")
    return {name: value for name, value in state.items() if isinstance(value, Tensor)}


def wanted_weights(
    state: dict[str, Tensor], wanted: dict[str, Tensor], source: object
) -> dict[str, Tensor]:
    """Return those weights that a network wants.

    Args:
        state: name -> weight, as read.
        wanted: name -> weight of the shape that is wanted.
        source: where they come from, for the message.

    Raises:
        ValueError: one is missing, has another shape, or does not hold finite real numbers.
    """
    for name, weight in wanted.items():
        if name not in state:
            raise ValueError(f"{source} has no {name}: it is another network's file")
        if state[name].shape != weight.shape:
            raise ValueError(
                f"{source}: {name} must have shape {tuple(weight.shape)}, "
                f"got {tuple(state[name].shape)}"
            )
        if not state[name].is_floating_point() or not state[name].isfinite().all():
            raise ValueError(f"{source}: {name} must hold finite real numbers")
    return {name: state[name].float() for name in wanted}
