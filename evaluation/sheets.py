"""Pictures of the best, the middling and the worst, so that nobody is shown only the best."""

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np

from dataset.images import write_image
from evaluation.comparison import Comparison
from evaluation.trial import Result

RANKS = ("best", "best", "median", "median", "worst", "worst")
SMALLEST = 128  # pixels a side of a shown picture; smaller ones are enlarged
LINE = 18  # pixels of a line of text
MARGIN = 150  # pixels for the names of the rows


def write_sheets(comparison: Comparison, folder: Path) -> list[Path]:
    """Write sheet.png and cross_sheet.png: videos by rank, for every model.

    Videos are ranked by the SSIM of the last method (fine-tuned, with the largest T); with another
    one's motion by SSIM with the truth where that is known, else as with their own.
    """
    written = []
    for kind, name, rank in (
        ("self", "sheet.png", _own_ssim),
        ("cross", "cross_sheet.png", _cross_ssim),
    ):
        rows: dict[str, Mapping[str, np.ndarray]] = {}
        for model, results in comparison.contestants.items():
            label = f"{model}: " if len(comparison.contestants) > 1 else ""
            chosen = _by_rank(comparison.videos, results, kind, rank)
            rows |= {f"{label}{title}": strip for title, strip in chosen.items()}
        if rows:
            write_image(folder / name, lay_out(rows))
            written.append(folder / name)
    return written


def lay_out(rows: Mapping[str, Mapping[str, np.ndarray]]) -> np.ndarray:
    """Put strips of pictures under each other, with the names of rows and columns.

    Args:
        rows: by name of the row: pictures (S, S, 3) uint8 by name of the column.

    Returns:
        (H, W, 3) uint8; rows of other columns than the first row's get their own line of names.
    """
    parts: list[np.ndarray] = []
    shown: list[str] = []
    for name, strip in rows.items():
        size = max(SMALLEST, len(next(iter(strip.values()))))
        pictures = [_enlarge(picture, size) for picture in strip.values()]
        label = _text(name.replace(": ", "\n").replace("  ", "\n"), MARGIN, size)
        line = np.concatenate([label, *pictures], axis=1)
        if list(strip) != shown:
            shown = list(strip)
            titles = [_text("", MARGIN, 2 * LINE)]
            titles += [_text(title.replace(" ", "\n", 1), size, 2 * LINE) for title in shown]
            parts.append(np.concatenate(titles, axis=1))
        parts.append(line)
    width = max(part.shape[1] for part in parts)
    padded = [
        np.pad(p, ((0, 0), (0, width - p.shape[1]), (0, 0)), constant_values=255) for p in parts
    ]
    return np.concatenate(padded)


def _by_rank(
    videos: list[str], results: list[Result], kind: str, rank: Callable[[Result], float]
) -> dict[str, Mapping[str, np.ndarray]]:
    """Choose the best, the middle and the worst two; fewer videos are all shown."""
    ranked = sorted(
        ((rank(result), video, result.strips[kind])
        for video, result in zip(videos, results, strict=True) if kind in result.strips),
        key=lambda entry: entry[:2], reverse=True,
    )  # fmt: skip
    if len(ranked) <= len(RANKS):
        return {f"{score:.3f} SSIM  {video}": strip for score, video, strip in ranked}
    middle = len(ranked) // 2
    chosen = [*ranked[:2], *ranked[middle - 1 : middle + 1], *ranked[-2:]]
    return {
        f"{name}  {score:.3f} SSIM  {video}": strip
        for name, (score, video, strip) in zip(RANKS, chosen, strict=True)
    }


def _own_ssim(result: Result) -> float:
    return result.rows[-1]["scores"]["ssim"]


def _cross_ssim(result: Result) -> float:
    """Of the paper's way, with the driver's own landmarks, by the last method."""
    scores = [row["scores"] for row in result.cross if row["motion"] == "absolute"]
    return scores[-1].get("ssim", _own_ssim(result)) if scores else _own_ssim(result)


def _enlarge(picture: np.ndarray, size: int) -> np.ndarray:
    if len(picture) == size:
        return picture
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_CUBIC)


def _text(text: str, width: int, height: int) -> np.ndarray:
    """Write black lines on white (height, width, 3)."""
    picture = np.full((height, width, 3), 255, np.uint8)
    for number, line in enumerate(text.split("\n"), 1):
        ascii_line = line.encode("ascii", "replace").decode()
        at = (4, number * LINE - 5)
        cv2.putText(
            picture, ascii_line, at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0,) * 3, 1, cv2.LINE_AA
        )
    return picture
