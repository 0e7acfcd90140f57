"""What lies in a preprocessed folder: one pickle per video, their list, a log, the settings."""

import contextlib
import json
import pickle
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from dataset.landmarks import POINTS
from dataset.unpickling import UnsafePickleError, load_plain
from system.files import replacing

FORMAT = 1
SUFFIX = ".pkl"
VIDEOS, MANIFEST, SETTINGS = "videos.txt", "manifest.jsonl", "data.json"
SHEET = "contact_sheet.jpg"
WRITES = (VIDEOS, MANIFEST, SETTINGS, SHEET)  # what lies in every folder, beside the pickles
JPEG_START = b"\xff\xd8"


class StoreError(ValueError):
    """A file of a preprocessed folder is not what it should be."""


class Record(NamedTuple):
    """The chosen frames of one video, with their landmarks."""

    video: str
    """Id of the video."""
    frames: tuple[bytes, ...]
    """F square JPEGs."""
    landmarks: np.ndarray
    """(F, 68, 2) float32, pixels of the stored frames."""
    origins: tuple[tuple[str, int], ...]
    """Of each frame: name of its file, and its index therein."""
    image_size: int
    """Side of the frames, pixels."""
    detector: str
    """Where the landmarks come from: face-alignment or stored."""
    crop: str
    """How the frames were cut: whole or face."""


def write_record(path: Path, record: Record) -> None:
    """Write one record as a pickle; it appears whole.

    Raises:
        StoreError: the record is not sound.
    """
    data = pickle_record(record, path)
    with replacing(path, sync=True) as partial:
        partial.write_bytes(data)


def pickle_record(record: Record, path: Path) -> bytes:
    """Turn a record into the bytes of its pickle; equal records give equal bytes.

    Raises:
        StoreError: the record is not sound; the message names `path`.
    """
    _check(record, path)
    # Pickle tells equal strings from identical ones; interned they are always identical.
    intern = sys.intern
    plain = {
        "format": FORMAT,
        "video": intern(record.video),
        "frames": list(record.frames),
        "landmarks": np.array(record.landmarks, np.float32, order="C"),
        "origins": [(intern(str(name)), int(index)) for name, index in record.origins],
        "image_size": int(record.image_size),
        "detector": intern(record.detector),
        "crop": intern(record.crop),
    }
    return pickle.dumps(plain, protocol=4)


def read_record(path: Path) -> Record:
    """Read one record. Nothing that a hostile file holds is ever executed.

    Raises:
        FileNotFoundError: there is no such file.
        StoreError: it is not a pickle of `write_record`, damaged, or unsafe.
    """
    try:
        plain = load_plain(Path(path).read_bytes())
    except UnsafePickleError as error:
        raise StoreError(f"{path} is not a record of preprocess.py: {error}") from None
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        stated = plain.get("format") if isinstance(plain, dict) else None
        raise StoreError(f"{path} must be a record of format {FORMAT}, it has {stated!r:.40}")
    del plain["format"]
    if set(plain) != set(Record._fields):
        raise StoreError(f"{path} must hold {', '.join(Record._fields)}")
    for name in ("frames", "origins"):
        if not isinstance(plain[name], list):
            raise StoreError(f"{path}: {name} must be a list")
        plain[name] = tuple(plain[name])
    record = Record(**plain)
    _check(record, path)
    return record


def _check(record: Record, path: Path) -> None:
    """Raise StoreError unless every field is of its type, shape and range."""
    count = len(record.frames)
    landmarks = record.landmarks
    rules = (
        ("video, detector and crop must be words", all(
            isinstance(word, str) and word for word in (record.video, record.detector, record.crop)
        )),
        ("image_size must be a positive whole number", _is_count(record.image_size, 1)),
        ("there must be at least one frame", count > 0),
        ("frames must be JPEGs", all(
            isinstance(f, bytes) and f.startswith(JPEG_START) for f in record.frames
        )),
        (f"landmarks must be float32 ({count}, {POINTS}, 2), as there are {count} frames",
            isinstance(landmarks, np.ndarray)
            and landmarks.dtype == np.float32
            and landmarks.shape == (count, POINTS, 2)),
        ("landmarks must be finite", bool(np.isfinite(landmarks).all())
            if isinstance(landmarks, np.ndarray) and landmarks.dtype == np.float32 else False),
        (f"origins must be {count} pairs of file name and frame index",
            len(record.origins) == count and all(
                isinstance(origin, tuple) and len(origin) == 2
                and isinstance(origin[0], str) and _is_count(origin[1], 0)
                for origin in record.origins)),
    )  # fmt: skip
    for rule, holds in rules:
        if not holds:
            raise StoreError(f"{path}: {rule}")


def _is_count(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def video_path(folder: Path, video: str) -> Path:
    """Return where the pickle of a video lies.

    Raises:
        StoreError: the id would lead out of the folder, or cannot be written into videos.txt.
    """
    parts = PurePosixPath(video).parts
    if not parts or video.startswith("/") or ".." in parts or "\\" in video:
        raise StoreError(f"a video id must be a relative path with forward slashes, got {video!r}")
    if not video.isprintable():  # lone surrogates and line ends are not
        raise StoreError(f"a video id must be printable text, got {video!r}")
    return Path(folder) / f"{video}{SUFFIX}"


def write_videos(folder: Path, videos: Iterable[str]) -> None:
    """Write the ids of all usable videos, sorted, one a line."""
    with replacing(Path(folder) / VIDEOS, sync=True) as partial:
        partial.write_text("".join(f"{video}\n" for video in sorted(videos)), encoding="utf-8")


def read_videos(folder: Path) -> list[str]:
    """Read the ids of all usable videos.

    Raises:
        FileNotFoundError: the folder or the list is missing.
        StoreError: the list is not text.
    """
    return _read_text(Path(folder), VIDEOS).split("\n")[:-1]


def append_manifest(folder: Path, entry: Mapping[str, Any]) -> None:
    """Add one line about one video: at least `video`, its id, and `ok`."""
    with (Path(folder) / MANIFEST).open("ab+") as file:
        start = b""
        if file.tell():
            file.seek(-1, 2)
            start = b"" if file.read() == b"\n" else b"\n"  # a kill has cut the last line
        file.write(start + json.dumps(entry).encode() + b"\n")


def read_manifest(folder: Path) -> dict[str, dict[str, Any]]:
    """Read the last line about each video: id -> entry; see `last_entries`."""
    return {entry["video"]: entry for entry in last_entries(folder)}


def last_entries(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the last line about each video. Lines that a kill has cut are left out.

    One line is in memory at a time: the manifest of a million segments is large.
    """
    last = {entry["video"]: number for number, entry in enumerate(_entries(folder))}
    for number, entry in enumerate(_entries(folder)):
        if last.get(entry["video"]) == number:
            yield entry


def _entries(folder: Path) -> Iterator[dict[str, Any]]:
    with (
        contextlib.suppress(FileNotFoundError),
        (Path(folder) / MANIFEST).open(encoding="utf-8", errors="replace") as lines,
    ):
        for line in lines:
            with contextlib.suppress(json.JSONDecodeError, KeyError, TypeError):
                entry = json.loads(line)
                if isinstance(entry["video"], str) and isinstance(entry["ok"], bool):
                    yield entry


def good_videos(folder: Path) -> dict[str, int]:
    """Return the ids, sorted, whose last line says ok and whose pickle is there: id -> bytes."""
    good = {}
    for entry in last_entries(folder):
        if entry["ok"]:
            with contextlib.suppress(OSError, StoreError):
                good[entry["video"]] = video_path(folder, entry["video"]).stat().st_size
    return dict(sorted(good.items()))


def write_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Note how the folder is made; all runs and shards that write into it must agree.

    Raises:
        ValueError: it was begun with other settings.
    """
    path = Path(folder) / SETTINGS
    if path.exists():
        begun = read_settings(folder)
        for name, value in settings.items():
            option = f"--{name.replace('_', '-')}"
            if name not in begun:
                raise ValueError(
                    f"{folder} was begun by an earlier version, which had no {option}; write to "
                    "another --output"
                )
            if begun[name] != value:
                raise ValueError(
                    f"{option} must be {begun[name]}, as {folder} was begun with it, got {value}; "
                    "write to another --output"
                )
        return
    with replacing(path, sync=True) as partial:
        partial.write_text(json.dumps(dict(settings), indent=2) + "\n")


def is_begun(folder: Path) -> bool:
    """Tell whether a folder is one of `preprocess.py`, whole or just begun."""
    return (Path(folder) / SETTINGS).is_file()


def read_settings(folder: Path) -> dict[str, Any]:
    """Read how the folder was made: image_size, frames_per_video, crop, detector, seed, ...

    Raises:
        FileNotFoundError: the folder or its data.json is missing.
        StoreError: data.json is damaged.
    """
    path = Path(folder) / SETTINGS
    try:
        settings = json.loads(_read_text(Path(folder), SETTINGS))
    except json.JSONDecodeError:
        raise StoreError(f"{path} is damaged: it is not JSON") from None
    if not isinstance(settings, dict) or not _is_count(settings.get("frames_per_video"), 1):
        raise StoreError(f"{path} is damaged: it must state frames_per_video")
    return settings


def _read_text(folder: Path, name: str) -> str:
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} does not exist")
    if not (folder / name).is_file():
        raise FileNotFoundError(
            f"{folder} holds no {name}: preprocess.py has not finished there, or never was"
        )
    try:
        return (folder / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise StoreError(f"{folder / name} is damaged: it is not text") from None
