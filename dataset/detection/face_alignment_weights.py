"""Where face-alignment's weights come from, and where they lie."""

from pathlib import Path

import torch

# Source: face-alignment 1.5; its files keep their names in torch hub's folder.
WEIGHTS = {
    "s3fd-619a316812.pth": "https://www.adrianbulat.com/downloads/python-fan/s3fd-619a316812.pth",
    "2DFAN4-11f355bf06.pth.tar": (
        "https://www.adrianbulat.com/downloads/python-fan/2DFAN4-11f355bf06.pth.tar"
    ),
}


def fetch_weights() -> None:
    """Make sure that face-alignment's weights lie where it loads them from.

    Raises:
        ValueError: they are not there and cannot be downloaded.
    """
    folder = weights_folder()
    missing = [name for name in WEIGHTS if not (folder / name).is_file()]
    try:
        for name in missing:
            folder.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(WEIGHTS[name], str(folder / name), progress=True)
    except OSError as error:  # URLError is one
        addresses = " and ".join(WEIGHTS[name] for name in missing)
        raise ValueError(
            f"--detector face-alignment needs {' and '.join(missing)}, and they cannot be "
            f"downloaded ({error}): get {addresses} and put them into {folder}"
        ) from None


def weights_folder() -> Path:
    """Return the folder of torch hub that face-alignment loads from."""
    return Path(torch.hub.get_dir()) / "checkpoints"
