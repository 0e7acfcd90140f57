"""Look over a folder of records: is everything there, readable, and good to look at?"""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from dataset.images import decode_jpeg
from dataset.preparation.contact_sheet import write_contact_sheet
from dataset.preparation.report import Report, indented, outcome_of
from dataset.store import (
    SUFFIX,
    Record,
    StoreError,
    last_entries,
    read_record,
    read_settings,
    read_videos,
    video_path,
)
from system.progress import progress_bar


class Inspection(NamedTuple):
    """What a folder of records holds."""

    folder: Path
    settings: dict[str, object]
    videos: int
    """Ids in videos.txt."""
    frames: Counter[int]
    """How many records have so many frames."""
    detectors: Counter[str]
    """How many records have landmarks that it has found."""
    bytes: int
    """Size of the records, and of nothing else."""
    damaged: tuple[str, ...]
    """One line about each record of the list that is missing or cannot be read."""
    unlisted: int
    """Pickles that videos.txt does not name: of a run that was cut off, or of another source."""
    report: Report
    """Sums over the manifest, the last line about each video."""
    sheet: Path | None

    def __str__(self) -> str:
        spread = ", ".join(f"{n} with {frames}" for frames, n in sorted(self.frames.items())[::-1])
        found_by = ", ".join(f"{n} by {name}" for name, n in self.detectors.most_common())
        made = ", ".join(f"{name} {value}" for name, value in self.settings.items())
        lines = [
            f"{self.videos} videos, {self.frames.total()} readable, {self.bytes / 1e6:.1f} MB",
            f"made with {made}",
            f"frames: {spread or 'none'}",
            f"landmarks: {found_by or 'none'}",
        ]
        if self.damaged:
            lines.append(f"damaged or missing {len(self.damaged)}:")
            lines += indented(self.damaged, len(self.damaged))
        if self.unlisted:
            lines.append(f"{self.unlisted} pickles are not in videos.txt: run preprocess.py again")
        lines += self.report.lines()
        if self.sheet:
            lines.append(f"look at {self.sheet}")
        return "\n".join(lines)


def inspect(folder: Path) -> Inspection:
    """Read every record of a folder, and write a contact sheet beside them.

    Raises:
        FileNotFoundError: the folder, its videos.txt or its data.json is missing.
        StoreError: one of these is damaged.
        OSError: the sheet cannot be written.
    """
    folder = Path(folder)
    videos, settings = read_videos(folder), read_settings(folder)
    frames, detectors, damaged, found, size = Counter(), Counter(), [], 0, 0
    for video in progress_bar(iterable=videos, unit="record", delay=2):
        try:
            path = video_path(folder, video)
            size += path.stat().st_size
            found += 1
            record = _read_whole(path)
            frames[len(record.frames)] += 1
            detectors[record.detector] += 1
        except (StoreError, OSError) as error:
            damaged.append(" ".join(str(error).split()))
    report = Report()
    for outcome in map(outcome_of, last_entries(folder)):
        if outcome:
            report.add(outcome)
    return Inspection(
        folder=folder,
        settings=settings,
        videos=len(videos),
        frames=frames,
        detectors=detectors,
        bytes=size,
        damaged=tuple(damaged),
        unlisted=sum(not p.name.startswith(".") for p in folder.rglob(f"*{SUFFIX}")) - found,
        report=report,
        sheet=write_contact_sheet(folder, videos),
    )


def _read_whole(path: Path) -> Record:
    """Read a record and each of its pictures.

    Raises:
        StoreError: it is damaged.
    """
    record = read_record(path)
    for frame in record.frames:
        try:
            shape = decode_jpeg(frame).shape
        except ValueError as error:
            raise StoreError(f"{path}: {error}") from None
        if shape[:2] != (record.image_size, record.image_size):
            raise StoreError(
                f"{path}: frames must have {record.image_size} pixels a side, got {shape}"
            )
    return record
