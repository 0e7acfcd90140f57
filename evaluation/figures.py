"""Curves of an evaluation: measures against T, and against the steps of fine-tuning."""

from pathlib import Path

from evaluation.measures import MEASURES
from evaluation.summary import Interval, Row, Summary
from evaluation.trial import COPY
from system.files import replacing

Points = list[tuple[int, Interval]]

REFERENCE = f"{COPY}, "
LEAST_RATIO = 1.4  # between neighbouring numbers of an axis


def write_figures(summary: Summary, folder: Path) -> list[Path]:
    """Write by_shots.png and by_step.png; shades are the bootstrap's 95 % intervals."""
    by_shots = {
        name: _by_shots(summary.rows, name)
        for name in MEASURES
        if any(name in row.scores for row in summary.rows)
    }
    by_step = {
        name: _by_step(summary, name)
        for name in MEASURES
        if any(name in scores for *_, scores in summary.curve)
    }
    figures = {
        "by_shots.png": (by_shots, "T: pictures learnt from", "log"),
        "by_step.png": (by_step, "step of fine-tuning", "symlog"),
    }
    written = []
    for file, (panels, axis, scale) in figures.items():
        if panels:
            _plot(panels, axis, scale, folder / file)
            written.append(folder / file)
    return written


def _by_shots(rows: list[Row], name: str) -> dict[str, Points]:
    lines: dict[str, Points] = {}
    several = len({row.model for row in rows} - {""}) > 1
    for row in sorted(rows, key=lambda row: row.shots):
        if name in row.scores:
            label = f"{row.model} {row.method}" if several and row.model else row.method
            lines.setdefault(label, []).append((row.shots, row.scores[name]))
    return lines


def _by_step(summary: Summary, name: str) -> dict[str, Points]:
    lines: dict[str, Points] = {}
    several = len({model for model, *_ in summary.curve}) > 1
    for model, shots, step, scores in summary.curve:
        label = f"{model} T = {shots}" if several else f"T = {shots}"
        lines.setdefault(label, []).append((step, scores[name]))
    ends = [step for _, _, step, _ in summary.curve]
    for row in summary.rows:
        if row.method == COPY and name in row.scores:
            flat = [(step, row.scores[name]) for step in (min(ends), max(ends))]
            lines[f"{REFERENCE}T = {row.shots}"] = flat
    return lines


def _plot(panels: dict[str, dict[str, Points]], axis: str, scale: str, path: Path) -> None:
    import matplotlib  # here, so that nothing else waits for it

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(4.6 * columns, 3.4 * rows), layout="constrained")
    for at, (name, lines) in enumerate(panels.items(), 1):
        axes = figure.add_subplot(rows, columns, at)
        colors: dict[str, str] = {}
        for label, points in lines.items():
            x = [place for place, _ in points]
            y = [interval.mean for _, interval in points]
            if label.startswith(REFERENCE):  # the colour of the line that it belongs to
                color = colors.get(label.removeprefix(REFERENCE))
                axes.plot(x, y, "--", color=color, label=label, linewidth=1)
                continue
            (line,) = axes.plot(x, y, marker=".", label=label)
            colors[label] = line.get_color()
            low, high = ([getattr(i, end) for _, i in points] for end in ("low", "high"))
            axes.fill_between(x, low, high, alpha=0.12, color=line.get_color())
        measure = MEASURES[name]
        better = "higher" if measure.higher_is_better else "lower"
        axes.set_title(f"{measure.title} ({better} is better)", fontsize=10)
        axes.set_xlabel(axis, fontsize=9)
        axes.set_xscale(scale, **({"linthresh": 5} if scale == "symlog" else {}))
        places = _apart({place for points in lines.values() for place, _ in points})
        axes.set_xticks(places, [str(place) for place in places], fontsize=7)
        axes.minorticks_off()
        axes.grid(alpha=0.3)
        if at == 1:
            axes.legend(fontsize=7)
    with replacing(path) as partial:
        figure.savefig(partial, format="png", dpi=110)


def _apart(places: set[int]) -> list[int]:
    """Leave out places whose numbers would run into the next on a logarithmic axis."""
    kept: list[int] = []
    for place in sorted(places, reverse=True):
        if not kept or place * LEAST_RATIO <= kept[-1]:
            kept.append(place)
    return kept[::-1]
