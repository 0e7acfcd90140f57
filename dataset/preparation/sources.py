"""Find the videos and photos below a folder, in VoxCeleb's layout or a simpler one."""

import contextlib
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dataset.images import PHOTO_SUFFIXES
from dataset.video.reading import VIDEO_SUFFIXES


class SourceVideo(NamedTuple):
    """What becomes one record: a video in one or more segments, or the photos of a person."""

    id: str
    """Relative path without suffix, with forward slashes; unique in its source."""
    kind: str
    """voxceleb, video or photos."""
    segments: tuple[Path, ...]
    """Its files, by name."""


def find_videos(source: Path) -> list[SourceVideo]:
    """List what can be preprocessed below `source`, sorted by id.

    - person/video/segment.mp4, or deeper, is VoxCeleb's tree: one entry for each video folder.
    - clip.mp4, or folder/clip.mp4: one entry for each file.
    - A folder of photos, without videos: one entry, the photos of one person.
    - A file: one entry.

    Hidden files are passed over. Links are followed, each folder is visited once. What has the
    name of a video or photo and is no file (a pipe, a broken link, an empty folder) is listed like
    one, so that it is not passed over in silence.

    Raises:
        FileNotFoundError: `source` does not exist.
        ValueError: it is a file of another type, or nothing is found in it.
    """
    source = Path(source)
    if source.is_file():
        return [_single(source)]
    if not source.is_dir():
        raise FileNotFoundError(f"{source} does not exist")
    found = sorted(
        video for folder in _folders(source, set()) for video in _in_folder(source, *folder)
    )
    if not found:
        raise ValueError(
            f"{source} holds no videos ({', '.join(VIDEO_SUFFIXES)}) "
            f"and no photos ({', '.join(PHOTO_SUFFIXES)})"
        )
    return found


def _single(path: Path) -> SourceVideo:
    suffix = path.suffix.lower()
    if suffix not in VIDEO_SUFFIXES + PHOTO_SUFFIXES:
        raise ValueError(
            f"{path} is neither a video ({', '.join(VIDEO_SUFFIXES)}) "
            f"nor a photo ({', '.join(PHOTO_SUFFIXES)})"
        )
    return SourceVideo(path.stem, "video" if suffix in VIDEO_SUFFIXES else "photos", (path,))


def _folders(folder: Path, visited: set[str]) -> Iterator[tuple[Path, list[Path]]]:
    """Yield each folder below with its visible files; a loop of links ends by itself."""
    identity = os.path.realpath(folder)
    if identity in visited:
        return
    visited.add(identity)
    try:
        entries = sorted(e for e in folder.iterdir() if not e.name.startswith("."))
    except PermissionError:
        print(f"{folder} is left out: it may not be read", file=sys.stderr)
        return
    folders, files = [], []
    for entry in entries:
        (folders if entry.is_dir() and not _is_hollow(entry) else files).append(entry)
    yield folder, files
    # Real folders first: a link to one of them must not take its name.
    for entry in sorted(folders, key=lambda e: (e.is_symlink(), e)):
        yield from _folders(entry, visited)


def _is_hollow(folder: Path) -> bool:
    """Tell whether a folder is empty and has the name of a video."""
    with contextlib.suppress(OSError):
        return folder.suffix.lower() in VIDEO_SUFFIXES and not any(folder.iterdir())
    return False


def _in_folder(source: Path, folder: Path, files: list[Path]) -> Iterator[SourceVideo]:
    videos = tuple(f for f in files if f.suffix.lower() in VIDEO_SUFFIXES)
    photos = tuple(f for f in files if f.suffix.lower() in PHOTO_SUFFIXES)
    relative = folder.relative_to(source)
    if videos and len(relative.parts) >= 2:
        yield SourceVideo(relative.as_posix(), "voxceleb", videos)
    elif videos:
        stems = Counter(video.stem for video in videos)
        for video in videos:
            name = video.stem if stems[video.stem] == 1 else video.name
            yield SourceVideo((relative / name).as_posix(), "video", (video,))
    elif photos:
        name = relative.as_posix() if relative.parts else source.resolve().name
        yield SourceVideo(name, "photos", photos)
