"""Pictures of one person, from whatever the user has of them."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dataset.detection.detector import LandmarkDetector
from dataset.detection.stored import LANDMARKS_SUFFIX, beside
from dataset.frames import record_frames
from dataset.kinds_of_files import PHOTO_SUFFIXES, VIDEO_SUFFIXES
from dataset.landmarks import scale_landmarks
from dataset.preparation.findings import Findings
from dataset.preparation.records import make_record
from dataset.preparation.sources import find_person
from dataset.store import read_record
from system.outputs import Input

PICKLE = ".pkl"
NAMED = 5  # files that cannot be read


class PersonFrames(NamedTuple):
    """T pictures of one person, as networks see them."""

    frames: np.ndarray
    """(T, H, W, 3) uint8 RGB."""
    drawn: np.ndarray
    """(T, H, W, 3) uint8 RGB: their landmarks."""
    landmarks: np.ndarray
    """(T, 68, 2) float32, pixels of the frames."""
    crop: str
    """How they were cut: whole or face."""
    detector: str
    """Found their landmarks."""


def load_person(
    source: Path | Sequence[Path],
    detector: LandmarkDetector | None,
    crop: str,
    image_size: int,
    limit: int,
    seed: int = 0,
    fewest: int = 1,
) -> PersonFrames:
    """Read at most `limit` pictures of one person, cut and drawn exactly as training data is.

    Args:
        source: a photo, a video, a folder of photos and videos, several of these, or a pickle of
            preprocess.py.
        detector: finds the landmarks; not used for a pickle.
        crop: whole, face or auto, as in preprocess.py.
        image_size: side of the frames, pixels.
        limit: pictures wanted; those of a video are spread over it, and each file of a folder gives
            one before any gives a second one.
        seed: chooses them and their order, in which too each file has one before any has a second:
            whoever takes the first few has some of all.
        fewest: fewer usable pictures are refused.

    Raises:
        FileNotFoundError: `source` does not exist.
        ValueError: there is nothing in it that can be read, or it shows too few faces.
    """
    found = None
    if is_record(source):
        record = read_record(Path(source))
    else:
        findings, found = Findings(), find_person(source)
        record = make_record(
            found, detector, crop=crop, image_size=image_size, frames=limit, seed=seed,
            fewest=fewest, findings=findings,
        )  # fmt: skip
        _say_left_out(findings.left_out | findings.refused_photos)
    order = np.random.default_rng(seed).permutation(len(record.frames)).tolist()
    if found and found.kind == "person":
        order = _in_turns(order, [name for name, _ in record.origins])
    chosen = order[:limit]
    frames, drawn = record_frames(record, chosen, image_size)
    landmarks = scale_landmarks(record.landmarks[chosen], record.image_size, image_size)
    return PersonFrames(frames, drawn, landmarks, record.crop, record.detector)


def is_record(source: Path | Sequence[Path]) -> bool:
    """Tell whether a person's pictures are a pickle of preprocess.py, which has its landmarks."""
    return isinstance(source, str | Path) and Path(source).suffix == PICKLE


def _in_turns(order: list[int], files: list[str]) -> list[int]:
    """Rearrange pictures so that the first of each file come first, then the second, and so on."""
    turns: Counter[str] = Counter()
    turn_of = {}
    for picture in order:
        turn_of[picture] = turns[files[picture]]
        turns[files[picture]] += 1
    return sorted(order, key=turn_of.__getitem__)


def _say_left_out(reasons: dict[str, str]) -> None:
    """Say which files could not be used, though others could, and why."""
    for name, reason in list(reasons.items())[:NAMED]:
        print(f"{name} is left out: {reason}", file=sys.stderr)
    if len(reasons) > NAMED:
        print(f"and {len(reasons) - NAMED} more are left out", file=sys.stderr)


def inputs_of_person(source: Path, option: str = "--source") -> list[Input]:
    """List what is read of a person, so that nothing is written over it.

    Args:
        source: as `load_person` has it; landmarks, which it reads too, may be the source as well.
        option: where the user has named it.
    """
    read = (*PHOTO_SUFFIXES, *VIDEO_SUFFIXES, LANDMARKS_SUFFIX)
    names = [] if Path(source).is_dir() else beside(Path(source))
    return [
        Input(option, Path(source), read),
        *(Input(f"{name.name} beside {option}", name) for name in names),
    ]
