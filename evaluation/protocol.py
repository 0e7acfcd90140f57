"""Which frames a model learns a stranger from, and on which it is judged (Sec. 4 of the paper)."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch import Tensor

from dataset.episodes import record_images
from dataset.landmarks import scale_landmarks
from dataset.store import Record, read_record, read_videos, video_path

SEEN = "its person's id was seen in training (--people any takes it all the same)"
PAPER_VIDEOS, PAPER_HELD_OUT, PAPER_SHOTS = 50, 32, (1, 8, 32)


class Pictures(NamedTuple):
    """F frames of one video."""

    images: Tensor
    """(F, 3, H, W) uint8."""
    landmark_images: Tensor
    """(F, 3, H, W) uint8."""
    landmarks: np.ndarray
    """(F, 68, 2) float32, pixels of the images."""
    frames: tuple[int, ...]
    """Index of each in its file."""

    def first(self, count: int) -> "Pictures":
        """Return the first `count` of them."""
        return Pictures(*(field[:count] for field in self))


class Subject(NamedTuple):
    """One video of a person: frames to learn from, and other frames to be judged on."""

    video: str
    """Its id."""
    known: Pictures
    """In random order, so that the first T are those of every smaller T too."""
    held_out: Pictures
    """In the order of time; the same for every T."""
    crop: str
    """How the frames were cut: whole or face."""


class Choice(NamedTuple):
    """The videos that can be used, and those that cannot."""

    videos: list[str]
    left_out: dict[str, str]
    """Id and reason."""
    detectors: set[str]
    """Found the landmarks of those that can be used."""


def choose_videos(
    folder: Path, needed: int, seen: Iterable[str], limit: int | None = None, seed: int = 0
) -> Choice:
    """List the videos of people that no model has seen, with enough frames.

    Args:
        folder: what preprocess.py wrote.
        needed: frames that a video must store.
        seen: ids of the videos that the models were trained on; other videos of the same people
            are left out too.
        limit: take so many of them at most.
        seed: chooses these.

    Raises:
        FileNotFoundError: the folder or its videos.txt is missing.
        StoreError: a record is damaged.
        ValueError: none is left, the message says why; or the limit is below 1.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"--limit must be at least 1, got {limit}")
    known_people = set(map(person_of, seen))
    videos: list[str] = []
    left_out: dict[str, str] = {}
    detectors: set[str] = set()
    order = np.random.default_rng(seed).permutation(read_videos(folder)).tolist()
    for video in order:
        if len(videos) == limit:
            break
        if person_of(video) in known_people:
            left_out[video] = SEEN
            continue
        record = read_record(video_path(folder, video))
        stored = len(record.frames)
        if stored < needed:
            left_out[video] = (
                f"it stores {stored} frames, fewer than the {needed} needed "
                "(preprocess.py --frames-per-video stores more)"
            )
            continue
        videos.append(video)
        detectors.add(record.detector)
    if not videos:
        reasons = sorted(set(left_out.values()))
        raise ValueError(
            f"{folder} holds no video to evaluate on: {'; '.join(reasons) or 'it is empty'}"
        )
    return Choice(sorted(videos), left_out, detectors)


def person_of(video: str) -> str:
    """Return whom a video shows: the first part of id00012/21Uxsk56VDQ, or all of a flat name."""
    return video.partition("/")[0]


def read_subject(
    folder: Path, video: str, image_size: int, shots: int, held_out: int, seed: int
) -> Subject:
    """Read a video and split its frames.

    The split depends on the seed and the record alone: every model is judged on the same frames.

    Args:
        shots: frames to learn from, the largest T.
        held_out: frames to be judged on.

    Source: Sec. 4, hold-out frames of the same sequence, disjoint from those learnt from.
    """
    record = read_record(video_path(folder, video))
    order = np.random.default_rng([seed, *video.encode()]).permutation(len(record.frames)).tolist()
    judged = sorted(order[:held_out], key=record.origins.__getitem__)
    known = order[held_out : held_out + shots]
    return Subject(
        video, _pictures(record, known, image_size), _pictures(record, judged, image_size),
        record.crop,
    )  # fmt: skip


def _pictures(record: Record, chosen: list[int], image_size: int) -> Pictures:
    images, drawn = record_images(record, chosen, image_size)
    landmarks = scale_landmarks(record.landmarks[chosen], record.image_size, image_size)
    return Pictures(images, drawn, landmarks, tuple(record.origins[i][1] for i in chosen))
