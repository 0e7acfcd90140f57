"""One job of preprocessing: a video becomes a record on the disk, and a line of the manifest."""

import errno
import time
from pathlib import Path
from typing import NamedTuple

import cv2

from dataset.detection.detector import LandmarkDetector
from dataset.preparation.findings import Findings
from dataset.preparation.quality import Gates
from dataset.preparation.records import make_record
from dataset.preparation.report import Outcome
from dataset.preparation.search import Rejected
from dataset.preparation.sources import SourceVideo
from dataset.store import Record, StoreError, pickle_record, video_path, write_record


class Recipe(NamedTuple):
    """How each record is made; the part that must be the same in the whole folder."""

    image_size: int
    frames_per_video: int
    crop: str
    detector: str
    precision: str
    jpeg_quality: int
    seed: int
    gates: Gates

    def settings(self) -> dict[str, object]:
        """Return all of it by the names of the options, for data.json."""
        settings = self._asdict() | self.gates._asdict()
        del settings["gates"]
        return settings


def process(
    detector: LandmarkDetector, video: SourceVideo, output: Path | None, recipe: Recipe
) -> Outcome:
    """Make one record and write it. A video at fault is an outcome; a full disk is an error.

    Args:
        detector: finds the landmarks.
        video: what to read.
        output: the folder that gets the record; None: it is made on trial, and thrown away.
        recipe: how it is made.

    Raises:
        OSError: the record cannot be written.
    """
    findings, started = Findings(), time.monotonic()
    frames, size, reason, detail = 0, 0, "", ""
    try:
        record = _make(detector, video, recipe, findings)
        frames = len(record.frames)
        with findings.timed("write", frames):
            size = _write(record, output)
    except Rejected as error:
        frames, reason, detail = 0, error.reason, str(error)
    return Outcome(
        video=video.id,
        ok=not reason,
        reason=reason,
        detail=" ".join(detail.split()),
        frames=frames,
        bytes=size,
        seconds=round(time.monotonic() - started, 3),
        looked=findings.looked,
        refused=dict(findings.refused),
        cuts=findings.cuts,
        left_out={} if reason else findings.left_out,
        stages={
            stage: (findings.frames[stage], round(seconds, 4))
            for stage, seconds in findings.seconds.items()
        },
    )


def _make(
    detector: LandmarkDetector, video: SourceVideo, recipe: Recipe, findings: Findings
) -> Record:
    """Make the record; whatever is wrong with the video becomes a `Rejected`."""
    try:
        video_path(Path(), video.id)  # an unusable name is known before any work
        return make_record(
            video,
            detector,
            crop=recipe.crop,
            image_size=recipe.image_size,
            frames=recipe.frames_per_video,
            seed=recipe.seed,
            jpeg_quality=recipe.jpeg_quality,
            gates=recipe.gates,
            findings=findings,
        )
    except Rejected:
        raise
    except StoreError as error:
        raise Rejected("unusable name", str(error)) from None
    except (ValueError, OSError, cv2.error, MemoryError) as error:
        raise Rejected("unreadable", str(error) or type(error).__name__) from None


def _write(record: Record, output: Path | None) -> int:
    """Write the record, or only act as if, and return its size in bytes."""
    if output is None:
        return len(pickle_record(record, Path(record.video)))
    path = video_path(output, record.video)
    try:
        write_record(path, record)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise Rejected("unusable name", f"the name of {path.name} is too long") from None
    return path.stat().st_size
