"""Turn a folder of videos or photos into a folder of records: in parallel, and resumable."""

import contextlib
import errno
import functools
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import cv2

from dataset.crop import resolve_crop
from dataset.detectors import LandmarkDetector, create_detector, prepare_detector
from dataset.files import remove_stale
from dataset.progress import progress_bar
from dataset.records import Rejected, make_record
from dataset.store import (
    StoreError,
    append_manifest,
    good_videos,
    read_manifest,
    video_path,
    write_record,
    write_settings,
    write_videos,
)
from dataset.voxceleb import SourceVideo, find_videos
from dataset.workers import run_jobs

LISTED = 20  # skipped videos named at the end; all are in the manifest


class Recipe(NamedTuple):
    """How each record is made; the part that must be the same in the whole folder."""

    image_size: int
    frames_per_video: int
    crop: str
    detector: str
    jpeg_quality: int
    seed: int


class Outcome(NamedTuple):
    """What became of one video: a line of the manifest."""

    video: str
    ok: bool
    reason: str
    """Empty, or a few words, the same for all videos with this fault."""
    detail: str
    frames: int
    bytes: int
    seconds: float


class Summary(NamedTuple):
    """What a run has done."""

    videos: int
    """Usable videos in the folder, whoever made them."""
    done: int
    """Records written by this run."""
    kept: int
    """Records that were there before."""
    skipped: tuple[Outcome, ...]
    """Videos of this run that could not be used."""
    bytes: int
    """Size of all records of the folder."""
    seconds: float

    def __str__(self) -> str:
        lines = [
            f"{self.videos} videos, {self.bytes / 1e6:.1f} MB: {self.done} done in "
            f"{self.seconds:.0f} s, {self.kept} were there, {len(self.skipped)} skipped"
            + (f" ({_count_reasons(self.skipped)})" if self.skipped else "")
        ]
        lines += [f"  {o.video}: {o.reason}: {o.detail}" for o in self.skipped[:LISTED]]
        if len(self.skipped) > LISTED:
            lines.append(f"  and {len(self.skipped) - LISTED} more, see manifest.jsonl")
        return "\n".join(lines)


def preprocess(
    source: Path,
    output: Path,
    *,
    detector: str,
    crop: str,
    image_size: int,
    frames_per_video: int,
    jpeg_quality: int,
    workers: int,
    shard: str,
    limit: int | None,
    overwrite: bool,
    device: str,
    seed: int,
) -> Summary:
    """Write the record of every video below `source`, videos.txt and manifest.jsonl.

    Videos that cannot be used are skipped. Videos that are done already are kept, and those that
    were skipped are tried again. The records depend neither on the number of workers nor on how
    often the work was interrupted.

    Args:
        source, output, detector, crop, image_size, frames_per_video, jpeg_quality, workers, shard,
            limit, overwrite, seed: see `config.Preprocess`.
        device: cpu or cuda, for face-alignment.

    Raises:
        FileNotFoundError: the source does not exist.
        ValueError: an option is out of range, the output was begun with other settings, or no
            video can be used at all.
        OSError: the output cannot be written, or the system has killed a worker.
    """
    started = time.monotonic()
    recipe = Recipe(image_size, frames_per_video, crop, detector, jpeg_quality, seed)
    _check(recipe, workers, limit)
    videos = _take_shard(find_videos(source), shard)[:limit]
    prepare_detector(detector)
    output = Path(output)
    write_settings(output, recipe._asdict())
    remove_stale(output)
    before = set() if overwrite else set(good_videos(output))
    todo = [video for video in videos if video.id not in before]
    workers = min(workers or _usable_workers(detector, device), max(len(todo), 1))
    outcomes = _work_through(todo, output, recipe, device, workers)
    remove_stale(output)  # of workers that outlived a killed run by a moment
    good = _list_videos(output)
    skipped = tuple(sorted(outcome for outcome in outcomes if not outcome.ok))
    if not good:
        raise ValueError(
            f"none of the {len(videos)} videos in {source} can be used "
            f"({_count_reasons(skipped)}); {skipped[0].detail if skipped else 'none in this shard'}"
        )
    entries = read_manifest(output)
    return Summary(
        videos=len(good),
        done=len(outcomes) - len(skipped),
        kept=len(videos) - len(todo),
        skipped=skipped,
        bytes=sum(entries[video].get("bytes", 0) for video in good),
        seconds=time.monotonic() - started,
    )


def _check(recipe: Recipe, workers: int, limit: int | None) -> None:
    resolve_crop(recipe.crop, "video")
    for name, value, least, most in (
        ("image-size", recipe.image_size, 16, 4096),
        ("frames-per-video", recipe.frames_per_video, 2, 100_000),
        ("jpeg-quality", recipe.jpeg_quality, 1, 100),
        ("seed", recipe.seed, 0, 2**63 - 1),
        ("workers", workers, 0, 4096),
        ("limit", 1 if limit is None else limit, 1, sys.maxsize),
    ):
        if not least <= value <= most:
            raise ValueError(f"--{name} must be from {least} to {most}, got {value}")


def _take_shard(videos: list[SourceVideo], shard: str) -> list[SourceVideo]:
    part, slash, parts = shard.partition("/")
    if not (slash and part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise ValueError(f"--shard must be i/n with i from 1 to n, for instance 2/8, got {shard!r}")
    return videos[int(part) - 1 :: int(parts)]


def _usable_workers(detector: str, device: str) -> int:
    if detector == "face-alignment" and device != "cpu":
        return 1  # more would share the GPU, each with its own copy of the networks
    with contextlib.suppress(AttributeError):  # not on every system
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _work_through(
    videos: list[SourceVideo], output: Path, recipe: Recipe, device: str, workers: int
) -> list[Outcome]:
    """Process videos, and note each in the manifest as soon as it is done."""
    outcomes: list[Outcome] = []
    jobs = ((video, output, recipe, device) for video in videos)
    results = run_jobs(_process, jobs, workers)
    bar = progress_bar(total=len(videos), unit="video", delay=2)  # short runs need none
    with contextlib.closing(results), bar:
        for outcome in results:
            append_manifest(output, outcome._asdict())
            outcomes.append(outcome)
            bar.set_postfix(skipped=sum(not o.ok for o in outcomes), refresh=False)
            bar.update()
    return outcomes


def _process(video: SourceVideo, output: Path, recipe: Recipe, device: str) -> Outcome:
    """Make and write one record. A video at fault is an outcome; a full disk is an error."""
    started = time.monotonic()
    detector = _detector(recipe.detector, device)

    def outcome(ok: bool, reason: str, detail: str, frames: int = 0, size: int = 0) -> Outcome:
        detail = " ".join(detail.split())
        seconds = round(time.monotonic() - started, 3)
        return Outcome(video.id, ok, reason, detail, frames, size, seconds)

    try:
        path = video_path(output, video.id)
        record = make_record(
            video,
            detector,
            crop=recipe.crop,
            image_size=recipe.image_size,
            frames=recipe.frames_per_video,
            seed=recipe.seed,
            jpeg_quality=recipe.jpeg_quality,
        )
    except Rejected as error:
        return outcome(False, error.reason, str(error))
    except StoreError as error:
        return outcome(False, "unusable name", str(error))
    except (ValueError, OSError, cv2.error, MemoryError) as error:
        return outcome(False, "unreadable", str(error) or type(error).__name__)
    try:
        write_record(path, record)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        return outcome(False, "unusable name", f"the name of {path.name} is too long")
    return outcome(True, "", "", len(record.frames), path.stat().st_size)


@functools.cache
def _detector(name: str, device: str) -> LandmarkDetector:
    """Build the detector once in each process; one thread each, so that they share the cores."""
    return create_detector(name, device, threads=1)


def _list_videos(output: Path) -> list[str]:
    """Write videos.txt; again if another shard has finished videos meanwhile."""
    listed = None
    while (good := good_videos(output)) != listed:
        write_videos(output, good)
        listed = good
    return good


def _count_reasons(skipped: tuple[Outcome, ...]) -> str:
    reasons = Counter(outcome.reason for outcome in skipped).most_common()
    return ", ".join(f"{count} {reason}" for reason, count in reasons) or "nothing to do"
