"""What was measured of each video, on disk, so that an evaluation goes on where it stopped."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dataset.images import read_image, write_image
from evaluation.trial import Result
from system.files import replacing

FORMAT = 4


class ResultStore:
    """The results of one model, or of the baselines: VIDEO.json, .npz and .png in a folder.

    Args:
        folder: where they lie.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)

    def read(self, video: str, made_with: Mapping[str, Any]) -> Result | None:
        """Read a result; None if there is none, or if it was made in any other way.

        Args:
            made_with: everything that the numbers depend on, as plain values.
        """
        path = self.folder / f"{video}.json"
        try:
            stored = json.loads(path.read_text())
            if stored["made_with"] != _plain(made_with):
                return None
            features = {}
            if stored["features"]:
                with np.load(path.with_suffix(".npz"), allow_pickle=False) as arrays:
                    features = {name: arrays[name] for name in stored["features"]}
            strips = {
                name: dict(zip(titles, _cut(self._strip_path(video, name), titles), strict=True))
                for name, titles in stored["strips"].items()
            }
            return Result(stored["rows"], stored["cross"], stored["curve"], features, strips)
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
            return None  # missing or damaged: it is made again

    def write(self, video: str, result: Result, made_with: Mapping[str, Any]) -> None:
        """Write a result; its .json, which makes it count, comes last."""
        path = self.folder / f"{video}.json"
        path.unlink(missing_ok=True)  # or an older one would count, with the new arrays
        if result.features:
            with replacing(path.with_suffix(".npz")) as partial:
                np.savez(partial, **result.features)
        for name, strip in result.strips.items():
            write_image(self._strip_path(video, name), np.concatenate(list(strip.values()), axis=1))
        stored = {
            "made_with": _plain(made_with),
            "rows": result.rows,
            "cross": result.cross,
            "curve": result.curve,
            "features": list(result.features),
            "strips": {name: list(strip) for name, strip in result.strips.items()},
        }
        with replacing(path) as partial:
            partial.write_text(json.dumps(stored, indent=1) + "\n")

    def _strip_path(self, video: str, name: str) -> Path:
        return self.folder / f"{video}.{name}.png"


def _cut(path: Path, titles: list[str]) -> list[np.ndarray]:
    """Cut a strip into its pictures."""
    return np.split(read_image(path), len(titles), axis=1)


def _plain(made_with: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON gives it back: tuples become lists."""
    return json.loads(json.dumps({"format": FORMAT, **made_with}))
