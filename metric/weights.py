"""Files of weights that some metrics need: found, fetched, or asked for in one line."""

import pickle
from pathlib import Path

import torch
from torch import Tensor


class MissingWeights(ValueError):  # noqa: N818, it says what is wrong and a caller may go on
    """A metric's weights are not there and cannot be downloaded."""


def hub_file(url: str) -> Path:
    """Return the file of a URL in torch hub's folder, downloading it where that is possible.

    Args:
        url: ends in NAME-DIGEST.pth, with the first digits of the file's SHA-256, which a
            download is checked against. A file that is there already is taken as it is.

    Raises:
        MissingWeights: it is not there and cannot be had, with the place to put it.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name
    if path.is_file():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), path.stem.rsplit("-", 1)[-1])
    except (OSError, RuntimeError) as error:
        raise MissingWeights(
            f"{path.name} cannot be downloaded ({error}): put it from {url} into {path.parent}"
        ) from error
    return path


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a file of tensors; nothing else in it is ever run.

    Raises:
        ValueError: it is not such a file.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path} is not a file of weights") from error
