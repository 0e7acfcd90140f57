"""From the results of many videos to one number per measure, with how sure it is."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from evaluation.comparison import Comparison
from evaluation.trial import COPY, FEED_FORWARD, FINE_TUNED, Result
from metric.frechet import frechet_distance

RESAMPLES = 10_000
CONFIDENCE = 0.95


class Interval(NamedTuple):
    """Mean over videos, and where it would lie if other videos had been drawn."""

    mean: float
    low: float
    high: float
    videos: int
    """Those that have this number."""


class Row(NamedTuple):
    """One line of the table."""

    model: str
    """Empty for the baselines."""
    shots: int
    method: str
    motion: str
    """Empty: the person's own."""
    scores: dict[str, Interval]


class Duel(NamedTuple):
    """How often one method beats another on the same video, by SSIM."""

    model: str
    shots: int
    method: str
    against: str
    wins: int
    videos: int
    gain: float
    """Mean difference of SSIM."""


class Summary(NamedTuple):
    """All numbers of an evaluation."""

    rows: list[Row]
    cross: list[Row]
    curve: list[tuple[str, int, int, dict[str, Interval]]]
    """Model, T, step, scores: while fine-tuning."""
    duels: list[Duel]


def summarize(comparison: Comparison, seed: int) -> Summary:
    """Average over videos.

    Args:
        seed: draws the bootstrap's samples.
    """
    parties = {"": comparison.baselines, **comparison.contestants}
    rows = [
        Row(model, shots, method, "", _with_fid(scores, results, comparison, shots, method))
        for model, results in parties.items()
        for (shots, method), scores in _averaged(
            (result.rows for result in results), ("shots", "method"), seed
        ).items()
    ]
    cross = [
        Row(model, *key, scores)
        for model, results in comparison.contestants.items()
        for key, scores in _averaged(
            (result.cross for result in results), ("shots", "method", "motion"), seed
        ).items()
    ]
    curve = [
        (model, *key, scores)
        for model, results in comparison.contestants.items()
        for key, scores in _averaged(
            (result.curve for result in results), ("shots", "step"), seed
        ).items()
    ]
    return Summary(rows, cross, curve, _duels(comparison))


def bootstrap(values: Sequence[float], seed: int) -> Interval:
    """Mean of one value per video, with the percentile interval of 95 %.

    Source: Efron and Tibshirani 1993, ch. 13; videos are drawn with replacement.
    """
    numbers = np.asarray(values, np.float64)
    draws = np.random.default_rng(seed).integers(len(numbers), size=(RESAMPLES, len(numbers)))
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(numbers[draws].mean(axis=1), (tail, 100 - tail))
    return Interval(float(numbers.mean()), float(low), float(high), len(numbers))


def _averaged(
    videos: Iterable[list[dict[str, Any]]], keys: tuple[str, ...], seed: int
) -> dict[tuple, dict[str, Interval]]:
    """Group rows of many videos by `keys`, and average every score over the videos having it."""
    groups: dict[tuple, dict[str, list[float]]] = {}
    for rows in videos:
        for row in rows:
            group = groups.setdefault(tuple(row[key] for key in keys), {})
            for name, value in row["scores"].items():
                group.setdefault(name, []).extend([] if value is None else [value])
    return {
        key: {name: bootstrap(values, seed) for name, values in group.items() if values}
        for key, group in groups.items()
    }


def _with_fid(
    scores: dict[str, Interval],
    results: list[Result],
    comparison: Comparison,
    shots: int,
    method: str,
) -> dict[str, Interval]:
    """Add FID, which is of all frames at once and so has no interval; `videos` counts frames."""
    key = f"{shots} {method}"
    if any(key not in result.features for result in results):
        return scores
    output = np.concatenate([result.features[key] for result in results])
    if len(output) < 2:  # one frame has no covariance
        return scores
    truth = np.concatenate([result.features["truth"] for result in comparison.baselines])
    fid = frechet_distance(torch.from_numpy(output), torch.from_numpy(truth))
    return scores | {"fid": Interval(fid, fid, fid, len(output))}


def _duels(comparison: Comparison) -> list[Duel]:
    copied = _ssim_by(comparison.baselines)
    duels = []
    for model, results in comparison.contestants.items():
        own = _ssim_by(results)
        for shots in sorted({shots for shots, _ in own}):
            for method, against, other in (
                (FEED_FORWARD, COPY, copied),
                (FINE_TUNED, COPY, copied),
                (FINE_TUNED, FEED_FORWARD, own),
            ):
                if (shots, method) in own:
                    ahead = own[shots, method] - other[shots, against]
                    wins, gain = int((ahead > 0).sum()), float(ahead.mean())
                    duels.append(Duel(model, shots, method, against, wins, len(ahead), gain))
    return duels


def _ssim_by(results: list[Result]) -> dict[tuple[int, str], np.ndarray]:
    """SSIM of every video, by shots and method."""
    groups: dict[tuple[int, str], list[float]] = {}
    for result in results:
        for row in result.rows:
            groups.setdefault((row["shots"], row["method"]), []).append(row["scores"]["ssim"])
    return {key: np.array(values) for key, values in groups.items()}
