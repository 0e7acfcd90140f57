"""What became of the videos, in numbers and words: at the end of a run, or for a whole folder."""

import heapq
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from dataset.preparation.findings import STAGES

LISTED = 20  # skipped videos and videos with a cut that are named; all are in the manifest
SLOWEST = 5


class Outcome(NamedTuple):
    """What became of one video: a line of the manifest."""

    video: str
    ok: bool
    reason: str
    """Empty, or a few words, the same for all videos with this fault."""
    detail: str
    frames: int
    """Stored."""
    bytes: int
    seconds: float
    looked: int = 0
    """Frames that were decoded and looked at."""
    refused: dict[str, int] = {}  # noqa: RUF012 - never changed
    """Of these, how many each gate has refused."""
    cuts: int = 0
    """How often the picture changes at once between neighbouring frames of a segment."""
    stages: dict[str, tuple[int, float]] = {}  # noqa: RUF012
    """Frames and seconds of each stage."""
    left_out: dict[str, str] = {}  # noqa: RUF012
    """Its files that could not be read, though others could, and why."""


class Report:
    """Sums over outcomes; its size does not grow with their number."""

    def __init__(self) -> None:
        self.done = self.frames = self.bytes = self.looked = 0
        self.skipped: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.stage_frames: Counter[str] = Counter()
        self.stage_seconds: Counter[str] = Counter()
        self.cuts = 0
        self._complaints: list[str] = []
        self.left_out = 0
        self._cut: list[str] = []
        self._left_out: list[str] = []
        self._slowest: list[tuple[float, str]] = []

    def add(self, outcome: Outcome) -> None:
        """Count one video."""
        if outcome.ok:
            self.done += 1
            self.frames += outcome.frames
            self.bytes += outcome.bytes
        else:
            self.skipped[outcome.reason] += 1
            if len(self._complaints) < LISTED:
                self._complaints.append(f"{outcome.video}: {outcome.reason}: {outcome.detail}")
        if outcome.cuts:
            self.cuts += 1
            if len(self._cut) < LISTED:
                self._cut.append(outcome.video)
        self.left_out += len(outcome.left_out)
        for file, why in list(outcome.left_out.items())[: LISTED - len(self._left_out)]:
            self._left_out.append(f"{outcome.video}: {file}: {why}")
        self.looked += outcome.looked
        self.refused.update(outcome.refused)
        for stage, (frames, seconds) in outcome.stages.items():
            self.stage_frames[stage] += frames
            self.stage_seconds[stage] += seconds
        heapq.heappush(self._slowest, (outcome.seconds, outcome.video))
        if len(self._slowest) > SLOWEST:
            heapq.heappop(self._slowest)

    @property
    def videos(self) -> int:
        """Number of videos that were counted."""
        return self.done + self.skipped.total()

    def reasons(self) -> str:
        """Return how many videos were skipped for each reason, or nothing."""
        return _listed(self.skipped)

    @property
    def first_complaint(self) -> str:
        """Return about one of the skipped videos what is wrong with it, or nothing."""
        return self._complaints[0] if self._complaints else ""

    def lines(self) -> list[str]:
        """Return all that is known beyond the first line, in words."""
        lines = []
        if self.skipped:
            lines.append(f"skipped {self.skipped.total()}: {self.reasons()}")
            rest = ", see manifest.jsonl"
            lines += indented(sorted(self._complaints), self.skipped.total(), rest)
        if self.refused:
            share = self.refused.total() / max(self.looked, 1)
            lines.append(
                f"frames refused: {share:.1%} of {self.looked} looked at ({_listed(self.refused)})"
            )
        if self.cuts:
            more = ", ..." if self.cuts > len(self._cut) else ""
            named = ", ".join(sorted(self._cut))
            lines.append(f"cuts in {self.cuts} videos, do they show one person? {named}{more}")
        if self.left_out:
            lines.append(f"files left out, as they could not be read: {self.left_out}")
            rest = ", see manifest.jsonl"
            lines += indented(sorted(self._left_out), self.left_out, rest)
        rates = [
            f"{stage} {self.stage_frames[stage] / self.stage_seconds[stage]:.0f}"
            for stage in STAGES
            if self.stage_seconds[stage] > 0
        ]
        if rates:
            lines.append(f"frames/s of one process: {', '.join(rates)}")
        if self._slowest and max(self._slowest)[0] >= 0.1:
            slowest = (f"{video} {took:.1f} s" for took, video in sorted(self._slowest)[::-1])
            lines.append(f"slowest: {', '.join(slowest)}")
        return lines


def indented(lines: Sequence[str], total: int, rest: str = "") -> list[str]:
    """Return the first lines of a list below its heading, and how many more there are.

    Args:
        lines: all of them, or at least the first LISTED.
        total: how many there are.
        rest: said of those left out.
    """
    shown = [f"  {line}" for line in lines[:LISTED]]
    return shown + [f"  and {total - LISTED} more{rest}"] * (total > LISTED)


def outcome_of(entry: dict[str, Any]) -> Outcome | None:
    """Read a line of the manifest; None if it is of another make."""
    try:
        outcome = Outcome(**entry)
        return outcome._replace(
            frames=int(outcome.frames),
            bytes=int(outcome.bytes),
            seconds=float(outcome.seconds),
            looked=int(outcome.looked),
            refused={str(gate): int(count) for gate, count in outcome.refused.items()},
            cuts=int(outcome.cuts),
            stages={s: (int(frames), float(took)) for s, (frames, took) in outcome.stages.items()},
            left_out={str(file): str(why) for file, why in outcome.left_out.items()},
        )
    except (TypeError, ValueError, AttributeError, OverflowError):
        return None


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in counts.most_common())
