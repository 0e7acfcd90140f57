"""What a person sees of a run: stats.jsonl, curves.png and sample grids."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from torch import Tensor

from dataset.images import image_to_frame, write_image
from system.files import replacing

SHOWN_SOURCES = 3


class StatsLog:
    """stats.jsonl: one line of numbers per logged step, safe against being cut off.

    Args:
        path: the file; lines of steps after `step` are dropped, since a resumed run repeats them.
        step: the step to go on from.

    Attributes:
        lines: all that the file holds, oldest first.
    """

    def __init__(self, path: Path, step: int):
        self.path = Path(path)
        kept = [line for line in read_stats(self.path) if line["step"] <= step]
        self.lines = kept
        text = "".join(json.dumps(line) + "\n" for line in kept)
        with replacing(self.path) as partial:
            partial.write_text(text)

    def write(self, numbers: Mapping[str, float]) -> None:
        self.lines.append({k: _short(v) for k, v in numbers.items()})
        with self.path.open("a") as file:
            file.write(json.dumps(self.lines[-1]) + "\n")


def read_stats(path: Path) -> list[dict[str, float]]:
    """Read stats.jsonl; a last line that a kill has cut in half is left out."""
    lines = []
    if path.is_file():
        for line in path.read_text().splitlines():
            try:
                lines.append(json.loads(line))
            except json.JSONDecodeError:
                break
    return lines


def plot_curves(stats: list[dict[str, float]], path: Path) -> None:
    """Plot every logged number against the step, one panel each, as a PNG."""
    import matplotlib  # here, so that a run that plots nothing does not load it

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    names = [name for name in (stats[-1] if stats else {}) if name not in ("step", "seconds")]
    if not names:
        return
    rows = -(-len(names) // 3)
    figure = Figure(figsize=(12, 2.4 * rows), layout="constrained")
    for at, name in enumerate(names, 1):
        axes = figure.add_subplot(rows, 3, at)
        points = [(line["step"], line[name]) for line in stats if name in line]
        axes.plot(*zip(*points, strict=True), linewidth=1)
        axes.set_title(name.replace("_", " "), fontsize=9)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.3)
    with replacing(path) as partial:
        figure.savefig(partial, format="png", dpi=80)


def sample_grid(
    sources: Tensor, landmarks: Tensor, output: Tensor, target: Tensor, path: Path
) -> None:
    """Save a grid with a row per video: sources | landmarks | output | target.

    Args:
        sources: (B, K, 3, H, W); the first three of the K are shown.
        landmarks, output, target: (B, 3, H, W). All in [-1, 1].
    """
    columns = [*sources[:, :SHOWN_SOURCES].unbind(1), landmarks, output, target]
    rows = [np.concatenate(list(image_to_frame(column)), axis=0) for column in columns]
    write_image(path, np.concatenate(rows, axis=1))


def _short(value: float) -> float:
    return value if isinstance(value, int) else float(f"{value:.6g}")
