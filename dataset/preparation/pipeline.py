"""Turn a folder of videos or photos into a folder of records: in parallel, and resumable."""

import contextlib
import functools
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from dataset.crop import resolve_crop
from dataset.detection.detector import LandmarkDetector
from dataset.detection.kinds import create_detector, prepare_detector
from dataset.detection.process import DetectorFailure, detector_processes
from dataset.preparation.contact_sheet import write_contact_sheet
from dataset.preparation.job import Recipe, process
from dataset.preparation.quality import Gates
from dataset.preparation.report import Report
from dataset.preparation.sources import SourceVideo, find_videos
from dataset.store import (
    SHEET,
    append_manifest,
    good_videos,
    write_settings,
    write_videos,
)
from system.cores import cores
from system.files import remove_stale
from system.processes import run_jobs
from system.progress import progress_bar

TRIED = 8  # videos made on trial for the estimate of a dry run


class Summary(NamedTuple):
    """What a run has done."""

    videos: int
    """Usable videos in the folder, whoever made them."""
    done: int
    """Records written by this run."""
    kept: int
    """Records that were there before."""
    report: Report
    """Sums over the videos of this run."""
    bytes: int
    """Size of all records of the folder."""
    seconds: float
    sheet: Path | None
    """Where the contact sheet lies."""

    def __str__(self) -> str:
        rate = self.report.videos / self.seconds if self.seconds else 0.0
        lines = [
            f"{self.videos} videos, {self.bytes / 1e6:.1f} MB: {self.done} done in "
            f"{self.seconds:.0f} s ({rate:.1f} videos/s), {self.kept} were there, "
            f"{self.report.skipped.total()} skipped",
            *self.report.lines(),
        ]
        if self.sheet:
            lines.append(f"look at {self.sheet}")
        return "\n".join(lines)


class Plan(NamedTuple):
    """What a run would do."""

    found: int
    kept: int
    todo: int
    trial: Report
    """Sums over the videos that were made on trial."""
    workers: int
    free: int
    """Bytes free where the output would lie."""

    def __str__(self) -> str:
        lines = [f"{self.found} videos found, {self.kept} are there, {self.todo} to do"]
        if not self.trial.videos:
            return lines[0]
        share = self.todo / self.trial.videos
        seconds = self.trial.stage_seconds.total() * share / self.workers
        lines += [
            f"estimated from {self.trial.videos} of them: {_duration(seconds)} with "
            f"{self.workers} workers, {_size(self.trial.bytes * share)} of disk "
            f"({_size(self.free)} are free), {self.trial.done / self.trial.videos:.0%} usable",
            *self.trial.lines(),
            "nothing was written",
        ]
        return "\n".join(lines)


def preprocess(
    source: Path,
    output: Path,
    *,
    detector: str,
    precision: str,
    crop: str,
    image_size: int,
    frames_per_video: int,
    jpeg_quality: int,
    workers: int,
    shard: str,
    limit: int | None,
    overwrite: bool,
    dry_run: bool,
    devices: list[str],
    seed: int,
    gates: Gates,
) -> Summary | Plan:
    """Write the record of every video below `source`, videos.txt, manifest.jsonl and a sheet.

    Videos that cannot be used are skipped. Videos that are done already are kept, and those that
    were skipped are tried again. The records depend neither on the number of workers nor on how
    often the work was interrupted. (With face-alignment on a GPU, which frames share a batch does
    depend on it, and may show in a landmark's last digit.)

    Args:
        source, output, detector, precision, crop, image_size, frames_per_video, jpeg_quality,
            workers, shard, limit, overwrite, seed: see `config.Preprocess`.
        dry_run: write nothing; make a few records on trial, and say what would be done.
        devices: for face-alignment: cpu, or one process each for cuda:0, cuda:1, ...
        gates: what frames and videos must reach.

    Raises:
        FileNotFoundError: the source does not exist.
        ValueError: an option is out of range, the output was begun with other settings, or no
            video can be used at all.
        OSError: the output cannot be written, or the system has killed a worker or a detector.
    """
    started = time.monotonic()
    output = Path(output)
    recipe = Recipe(
        image_size, frames_per_video, crop, detector, precision, jpeg_quality, seed, gates
    )
    _check(recipe, workers, limit)
    videos = _take_shard(_outside(find_videos(source), source, output), shard)[:limit]
    prepare_detector(detector)
    if not dry_run:
        write_settings(output, recipe.settings())
        remove_stale(output)
    before = set() if overwrite else good_videos(output)
    todo = [video for video in videos if video.id not in before]
    workers = min(workers or cores(), max(len(todo), 1))
    if dry_run:
        trial = _try(todo, recipe, devices)
        free = shutil.disk_usage(_existing(output)).free
        return Plan(len(videos), len(videos) - len(todo), len(todo), trial, workers, free)
    try:
        report = _work_through(todo, output, recipe, devices, workers)
    finally:
        remove_stale(output)  # of workers that were cut off, by Ctrl-C or with a killed run
    good = _list_videos(output)
    if not good:
        first = report.first_complaint or "none in this shard"
        raise ValueError(
            f"none of the {len(videos)} videos in {source} can be used "
            f"({report.reasons() or 'nothing to do'}); {first}"
        )
    return Summary(
        videos=len(good),
        done=report.done,
        kept=len(videos) - len(todo),
        report=report,
        bytes=sum(good.values()),
        seconds=time.monotonic() - started,
        sheet=write_contact_sheet(output, list(good)),
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


def _outside(videos: list[SourceVideo], source: Path, output: Path) -> list[SourceVideo]:
    """Leave out the contact sheet of an output that lies inside the source.

    Raises:
        ValueError: something else of the source lies in it.
    """
    inside = Path(os.path.realpath(output))
    if Path(os.path.realpath(source)) not in inside.parents:
        return videos
    outside = []
    for video in videos:
        place = Path(os.path.realpath(video.segments[0]))
        if inside not in place.parents:
            outside.append(video)
        elif place != inside / SHEET:
            raise ValueError(
                f"--output must be a folder without videos of --source, got {output}, "
                f"which holds {place.relative_to(inside)}"
            )
    if not outside:
        raise ValueError(f"{source} holds no videos and no photos but in --output {output}")
    return outside


def _take_shard(videos: list[SourceVideo], shard: str) -> list[SourceVideo]:
    part, slash, parts = shard.partition("/")
    if not (slash and part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise ValueError(f"--shard must be i/n with i from 1 to n, for instance 2/8, got {shard!r}")
    return videos[int(part) - 1 :: int(parts)]


def _work_through(
    videos: list[SourceVideo], output: Path, recipe: Recipe, devices: list[str], workers: int
) -> Report:
    """Process videos, and note each in the manifest as soon as it is done."""
    report = Report()
    jobs = ((video, output, recipe) for video in videos)
    bar = progress_bar(total=len(videos), unit="video", delay=2)  # short runs need none
    with _detectors(recipe, devices, workers) as make_detector:
        results = run_jobs(process, jobs, workers, make_detector)
        with contextlib.closing(results), bar:
            for outcome in results:
                append_manifest(output, outcome._asdict())
                report.add(outcome)
                bar.set_postfix(skipped=report.skipped.total(), refresh=False)
                bar.update()
    return report


@contextlib.contextmanager
def _detectors(
    recipe: Recipe, devices: list[str], workers: int
) -> Iterator[Callable[[], LandmarkDetector]]:
    """Yield how each worker gets its detector: its own on the CPU, with one thread each, so that
    they share the cores; that of a process of its own on each GPU."""
    make = functools.partial(create_detector, recipe.detector, precision=recipe.precision)
    if recipe.detector != "face-alignment" or devices == ["cpu"]:
        yield functools.partial(make, "cpu", threads=1)
        return
    try:
        with detector_processes(devices, workers, make) as clients:
            yield clients
    except DetectorFailure as error:
        raise ChildProcessError(f"{error}; the same command goes on where it stopped") from None


def _try(videos: list[SourceVideo], recipe: Recipe, devices: list[str]) -> Report:
    """Make the records of a few videos, spread over all of them, without writing any."""
    report = Report()
    tried = videos[:: max(len(videos) // TRIED, 1)][:TRIED]
    with _detectors(recipe, devices, 1) as make_detector:
        jobs = ((video, None, recipe) for video in tried)
        for outcome in run_jobs(process, jobs, 1, make_detector):
            report.add(outcome)
    return report


def _list_videos(output: Path) -> dict[str, int]:
    """Write videos.txt; again if another shard has finished videos meanwhile. id -> bytes."""
    listed = None
    while (good := good_videos(output)) != listed:
        write_videos(output, good)
        listed = good
    return good


def _existing(folder: Path) -> Path:
    """Return the folder, or the closest one above it that is there."""
    return next(f for f in (folder.absolute(), *folder.absolute().parents) if f.exists())


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _size(count: float) -> str:
    return f"{count / 1e6:.1f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"
