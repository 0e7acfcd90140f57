"""What an evaluation leaves in its folder: numbers, tables, pictures."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evaluation.comparison import Comparison
from evaluation.figures import write_figures
from evaluation.measures import MEASURES
from evaluation.sheets import write_sheets
from evaluation.summary import Interval, Row, Summary
from evaluation.tables import report
from evaluation.trial import Result
from system.files import replacing

FORMAT = 1
PICTURES = ("sheet.png", "cross_sheet.png", "by_shots.png", "by_step.png")
WRITES = ("metrics.json", "table.md", "results", *PICTURES)


def is_evaluation(folder: Path) -> bool:
    """Tell whether a folder is one of `evaluate.py`, whole or just begun."""
    return (Path(folder) / "results").is_dir() or (Path(folder) / "metrics.json").is_file()


def write_outputs(
    comparison: Comparison, summary: Summary, protocol: Mapping[str, Any], folder: Path
) -> str:
    """Write metrics.json, table.md, sheets and figures.

    Args:
        protocol: plain values: how it was measured; among them `held_out` frames, the kinds of the
            `instruments`, and `left_out`, measures that could not be made, with the reason.

    Returns:
        What stands in table.md.
    """
    text = report(
        summary, protocol["instruments"], protocol["left_out"], len(comparison.videos),
        protocol["held_out"],
    )  # fmt: skip
    metrics = as_plain(comparison, summary, protocol)
    for name, content in (
        ("metrics.json", json.dumps(metrics, indent=1, allow_nan=False)),
        ("table.md", text),
    ):
        with replacing(folder / name) as partial:
            partial.write_text(content.rstrip() + "\n", encoding="utf-8")
    for name in PICTURES:  # of another command on the same folder
        (folder / name).unlink(missing_ok=True)
    write_sheets(comparison, folder)
    write_figures(summary, folder)
    return text


def as_plain(
    comparison: Comparison, summary: Summary, protocol: Mapping[str, Any]
) -> dict[str, Any]:
    """Turn an evaluation into plain values; equal evaluations give equal ones."""
    parties = {"": comparison.baselines, **comparison.contestants}
    return {
        "format": FORMAT,
        "protocol": dict(protocol),
        "measures": {name: measure._asdict() for name, measure in MEASURES.items()},
        "means": [_row(row) for row in summary.rows],
        "cross_reenactment": [_row(row) for row in summary.cross],
        "while_fine_tuning": [
            {"model": model, "shots": shots, "step": step, "scores": _intervals(scores)}
            for model, shots, step, scores in summary.curve
        ],
        "duels": [duel._asdict() for duel in summary.duels],
        "videos": {
            video: {party: _of_video(results[at]) for party, results in parties.items()}
            for at, video in enumerate(comparison.videos)
        },
    }


def _row(row: Row) -> dict[str, Any]:
    return row._asdict() | {"scores": _intervals(row.scores)}


def _intervals(scores: Mapping[str, Interval]) -> dict[str, dict[str, float]]:
    return {
        name: {k: float(f"{v:.6g}") for k, v in interval._asdict().items()}
        for name, interval in scores.items()
    }


def _of_video(result: Result) -> dict[str, Any]:
    return {"own_motion": result.rows, "cross_reenactment": result.cross}
