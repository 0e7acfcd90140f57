"""All videos against all models: every trial that is not done yet."""

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dataset.store import video_path
from evaluation.measures import Instruments
from evaluation.models import Contestant
from evaluation.protocol import Subject, person_of, read_subject
from evaluation.results import ResultStore
from evaluation.trial import Result, Settings, Trial
from system.progress import progress_bar
from training.hardware import Hardware

BASELINES = "baselines"


class Comparison(NamedTuple):
    """Results of every video, in the order of their ids."""

    videos: list[str]
    baselines: list[Result]
    contestants: dict[str, list[Result]]
    """By the name of the model."""


class Plan(NamedTuple):
    """What is tried on what."""

    folder: Path
    """Of preprocess.py."""
    videos: list[str]
    held_out: int
    """Frames of each that are judged."""
    image_size: int
    cross: bool
    """Also with the motion of the next video of another person."""


def compare(
    contestants: Sequence[Contestant],
    plan: Plan,
    settings: Settings,
    instruments: Instruments,
    hardware: Hardware,
    output: Path,
) -> Comparison:
    """Try every model on every video, and the baselines; what is done already is read.

    Args:
        output: results are written below it, one by one.

    Raises:
        StoreError: a record is damaged.
        FloatingPointError: a loss is not finite.
        OSError: a result cannot be written.
    """
    who: list[Contestant | None] = [None, *contestants]
    done: list[list[Result]] = [[] for _ in who]
    stores = [ResultStore(output / "results" / _folder_of(one)) for one in who]
    with progress_bar(total=len(plan.videos) * len(who), desc="evaluating", unit="trial") as bar:
        for video in plan.videos:
            driver = driver_of(video, plan.videos) if plan.cross else None
            trial = None
            for one, store, results in zip(who, stores, done, strict=True):
                made_with = _made_with(one, video, driver, plan, settings, instruments, hardware)
                result = store.read(video, made_with)
                if result is None:
                    trial = trial or Trial(
                        _subject(video, plan, settings), settings, instruments, hardware
                    )
                    if one is None:
                        result = trial.of_baselines()
                    else:
                        result = trial.of(one, driver and _subject(driver, plan, settings))
                    store.write(video, result, made_with)
                results.append(result)
                bar.update()
    names = [contestant.name for contestant in contestants]
    return Comparison(plan.videos, done[0], dict(zip(names, done[1:], strict=True)))


def driver_of(video: str, videos: Sequence[str]) -> str | None:
    """Return the next video, in a circle, of another person; None if there is none."""
    at = videos.index(video)
    others = (other for other in [*videos[at:], *videos[:at]])
    return next((other for other in others if person_of(other) != person_of(video)), None)


def _subject(video: str, plan: Plan, settings: Settings) -> Subject:
    return read_subject(
        plan.folder, video, plan.image_size, max(settings.shots), plan.held_out, settings.seed
    )


def _made_with(
    contestant: Contestant | None,
    video: str,
    driver: str | None,
    plan: Plan,
    settings: Settings,
    instruments: Instruments,
    hardware: Hardware,
) -> dict[str, Any]:
    """List what a result depends on."""
    common = {
        "record": _checksum(plan.folder, video),
        "held_out": plan.held_out,
        "image_size": plan.image_size,
        "instruments": instruments.names,
        "precision": str(hardware.dtype),
        **settings._asdict(),
    }
    if instruments.descriptor_file:
        common["descriptor_file"] = instruments.descriptor_file
    if contestant is None:
        return common
    return common | {
        "model": contestant.digest,
        "driver": driver and _checksum(plan.folder, driver),
    }


def _checksum(folder: Path, video: str) -> list[str | int]:
    return [video, zlib.crc32(video_path(folder, video).read_bytes())]


def _folder_of(contestant: Contestant | None) -> str:
    if contestant is None:
        return BASELINES
    return f"{Path(contestant.name).resolve().stem}-{contestant.digest}"
