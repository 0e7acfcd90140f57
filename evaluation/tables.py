"""Tables for the terminal and for Markdown: they are the same text."""

from collections.abc import Iterable, Mapping, Sequence

from evaluation.measures import MEASURES
from evaluation.paper import STATUS, TABLE
from evaluation.summary import Duel, Interval, Row, Summary


def report(
    summary: Summary,
    instruments: Mapping[str, str],
    left_out: Mapping[str, str],
    videos: int,
    held_out: int,
) -> str:
    """Write everything that a person reads: tables, what they lack, and the paper's own.

    Args:
        instruments: kinds of those that measured, see `Instruments.names`.
        left_out: measures that could not be made, and why.
        videos, held_out: how many videos, and hold-out frames of each.
    """
    parts = [
        f"## Own motion: {videos} videos, {held_out} hold-out frames of each\n",
        _scores(summary.rows),
    ]
    if summary.duels:
        parts += ["\n## Who is better, video by video (SSIM)\n", _duels(summary.duels)]
    if _measured(summary.cross):
        parts += ["\n## Another person's motion\n", _scores(summary.cross)]
    parts += ["\n## The paper's numbers\n", STATUS + "\n", _paper()]
    parts += ["\n## Measures\n", "Mean over videos ± half of the bootstrap's 95 % interval.\n"]
    parts += [_legend([*summary.rows, *summary.cross], instruments)]
    for reason in dict.fromkeys(left_out.values()):
        titles = [MEASURES[name].title for name, why in left_out.items() if why == reason]
        parts.append(f"- left out: {', '.join(titles)}: {reason}")
    return "\n".join(parts) + "\n"


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay out a Markdown table whose columns are straight as plain text too."""
    lines = [list(header), *map(list, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    text = [
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    ]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text)


def _scores(rows: list[Row]) -> str:
    names = _measured(rows)
    motion = ["motion"] if any(row.motion for row in rows) else []
    models = ["model"] if len({row.model for row in rows} - {""}) > 1 else []
    header = [*models, "T", "method", *motion, *(_title(name) for name in names)]
    lines = []
    for row in sorted(rows, key=lambda row: (row.shots, row.motion)):
        start = [*([row.model or "-"] if models else []), str(row.shots), row.method]
        lines.append(
            [
                *start,
                *([row.motion] if motion else []),
                *(_cell(name, row.scores.get(name)) for name in names),
            ]
        )
    return markdown(header, lines)


def _measured(rows: Iterable[Row]) -> list[str]:
    present = {name for row in rows for name in row.scores}
    return [name for name in MEASURES if name in present]


def _title(name: str) -> str:
    measure = MEASURES[name]
    return f"{measure.title} {'↑' if measure.higher_is_better else '↓'}"


def _cell(name: str, interval: Interval | None) -> str:
    if interval is None:
        return "-"
    digits = MEASURES[name].digits
    half = (interval.high - interval.low) / 2
    if name == "fid":
        return f"{interval.mean:.{digits}f} (N = {interval.videos})"
    return f"{interval.mean:.{digits}f} ± {half:.{digits}f}"


def _duels(duels: list[Duel]) -> str:
    several = len({duel.model for duel in duels}) > 1
    return markdown(
        [*(["model"] if several else []), "T", "method", "against", "better on", "mean gain"],
        (
            [
                *([duel.model] if several else []),
                str(duel.shots),
                duel.method,
                duel.against,
                f"{duel.wins} of {duel.videos}",
                f"{duel.gain:+.3f}",
            ]
            for duel in duels
        ),
    )


def _paper() -> str:
    return markdown(
        ["data", "method", "T", "FID ↓", "SSIM ↑", "CSIM ↑"],
        (
            [row.data, row.method, str(row.shots), f"{row.fid:.1f}", f"{row.ssim:.2f}"]
            + [f"{row.csim:.2f}"]
            for row in TABLE
        ),
    )


def _legend(rows: list[Row], instruments: Mapping[str, str]) -> str:
    lines = []
    for measure in (MEASURES[name] for name in _measured(rows)):
        kind = instruments.get(measure.instrument)
        lines.append(f"- {measure.title}{f', by {kind}' if kind else ''}: {measure.meaning}")
    return "\n".join(lines)
