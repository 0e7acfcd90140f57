"""Find the videos and photos below a folder, in VoxCeleb's layout or a simpler one."""

import contextlib
import itertools
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from dataset.kinds_of_files import (
    PHOTO_SUFFIXES,
    VIDEO_SUFFIXES,
    is_film,
    is_photo,
    named,
    natural_order,
    passed_over,
    remedy,
)

# What the first version read. Records of these keep their ids; what has joined since makes room.
FIRST_VIDEOS = (".mp4", ".avi", ".mkv", ".mov", ".webm", ".mpg")
FIRST_PHOTOS = (".jpg", ".jpeg", ".png")
FEWEST_BESIDE_FILMS = 2  # photos; a single one is a cover


class SourceVideo(NamedTuple):
    """What becomes one record: a video in one or more segments, or the photos of a person."""

    id: str
    """Relative path without suffix, with forward slashes; unique in its source."""
    kind: str
    """voxceleb, video, photos, or person: photos and films together."""
    segments: tuple[Path, ...]
    """Its files, in natural order."""

    def stills(self) -> list[bool]:
        """Tell of each segment whether it is a photo."""
        if self.kind == "person":
            return [is_photo(path) for path in self.segments]
        return [self.kind == "photos"] * len(self.segments)

    def moments(self) -> list[tuple[Path, str]]:
        """Name the moment that each segment shows: a photo and a film of one name have the same."""
        return [(path.parent, path.stem.casefold()) for path in self.segments]


class _Folder(NamedTuple):
    """The visible files of a folder, in natural order."""

    path: Path
    films: tuple[Path, ...]
    photos: tuple[Path, ...]
    files: tuple[Path, ...]
    """All of them, with those that are neither."""


class _Entry(NamedTuple):
    """A video that has yet to get a name of its own."""

    junior: bool
    """The first version did not find it, so it gives way where names are the same."""
    video: SourceVideo


def find_videos(source: Path) -> list[SourceVideo]:
    """List what can be preprocessed below `source`, sorted by id.

    - person/video/segment.mp4, or deeper, is VoxCeleb's tree: one entry for each video folder.
    - clip.mp4, or folder/clip.mp4: one entry for each file.
    - The photos of a folder: one entry, of one person. Beside films those with a film's name are
      left to it, and a single one is a cover.
    - A file: one entry.

    Hidden files are passed over, and so is what cannot be read, which is said. Links are followed,
    each folder is visited once. What has the name of a video or photo and is no file (a pipe, a
    broken link, an empty folder) is listed like one, so that it is not passed over in silence.

    Raises:
        FileNotFoundError: `source` does not exist.
        ValueError: it is a file of another type, or nothing is found in it.
    """
    source = Path(source)
    if source.is_file():
        return [_single(source)]
    folders = _visit(source)
    found = _find(source, folders)
    left = sum(len(folder.photos) - len(_own_photos(folder)) for folder in folders)
    _say_passed_over(source, folders, left)
    return found


def find_person(source: Path | Sequence[Path]) -> SourceVideo:
    """Take all photos and films below `source` as those of one person.

    Args:
        source: a photo, a film or a folder, or several of them.

    Raises:
        FileNotFoundError: `source` does not exist.
        ValueError: it is a file of another type, or nothing is found in it.
    """
    if not isinstance(source, str | Path):
        parts = [find_person(one) for one in source]
        if not parts:
            raise ValueError("there is no picture of the person: the list is empty")
        kinds = {part.kind for part in parts}
        files = tuple(itertools.chain.from_iterable(part.segments for part in parts))
        kind = kinds.pop() if len(files) == 1 or kinds == {"photos"} else "person"
        return SourceVideo(parts[0].id, kind, files)
    source = Path(source)
    if source.is_file():
        return _single(source)
    folders = _visit(source)
    found = _find(source, folders)
    photos = [photo for folder in folders for photo in folder.photos]
    films = [film for folder in folders for film in folder.films]
    _say_passed_over(source, folders)
    if len(found) == 1 and len(found[0].segments) == len(photos) + len(films):
        return found[0]
    _say(
        source,
        f"{len(photos)} photo{'s' * (len(photos) != 1)} and {len(films)} "
        f"film{'s' * (len(films) != 1)} are taken as one person's",
    )
    files = sorted(photos, key=natural_order) + sorted(films, key=natural_order)
    return SourceVideo(source.resolve().name, "person", tuple(files))


def _single(path: Path) -> SourceVideo:
    what = remedy(path)
    if is_film(path) or is_photo(path):
        if what:
            _say(path, what)
        return SourceVideo(path.stem, "video" if is_film(path) else "photos", (path,))
    raise ValueError(
        f"{path} is neither a video ({named(VIDEO_SUFFIXES)}) nor a photo "
        f"({named(PHOTO_SUFFIXES)}) that can be read{': ' * bool(what)}{what}"
    )


def _visit(source: Path) -> list[_Folder]:
    if not source.is_dir():
        raise FileNotFoundError(f"{source} does not exist")
    return [_sort_out(folder, files) for folder, files in _folders(source, set())]


def _folders(folder: Path, visited: set[str]) -> Iterator[tuple[Path, list[Path]]]:
    """Yield each folder below with its visible files; a loop of links ends by itself."""
    identity = os.path.realpath(folder)
    if identity in visited:
        return
    visited.add(identity)
    try:
        entries = [e for e in folder.iterdir() if not e.name.startswith(".")]
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


def _sort_out(folder: Path, files: list[Path]) -> _Folder:
    files = sorted(files, key=natural_order)
    films, photos = tuple(filter(is_film, files)), tuple(filter(is_photo, files))
    return _Folder(folder, films, photos, tuple(files))


def _find(source: Path, folders: list[_Folder]) -> list[SourceVideo]:
    """List the entries, each under a name of its own."""
    entries = sorted(entry for folder in folders for entry in _in_folder(source, folder))
    if not entries:
        unread = passed_over(path for folder in folders for path in folder.files)
        raise ValueError(
            f"{source} holds no videos ({named(VIDEO_SUFFIXES)}) and no photos "
            f"({named(PHOTO_SUFFIXES)}){', but ' * bool(unread)}{unread}"
        )
    found: dict[str, SourceVideo] = {}
    late = [video for _, video in entries if found.setdefault(video.id, video) is not video]
    for video in late:
        name = next(name for name in _other_names(video) if name not in found)
        found[name] = video._replace(id=name)
    return sorted(found.values())


def _other_names(video: SourceVideo) -> Iterator[str]:
    """Yield the names that an entry can have if its own is taken."""
    if video.kind == "video":
        yield video.id + video.segments[0].suffix
    kind = "photos" if video.kind == "photos" else "films"
    yield f"{video.id}/{kind}"
    yield from (f"{video.id}/{kind}-{number}" for number in itertools.count(2))


def _in_folder(source: Path, folder: _Folder) -> Iterator[_Entry]:
    relative = folder.path.relative_to(source)
    name = relative.as_posix() if relative.parts else source.resolve().name
    known = [film.suffix.lower() in FIRST_VIDEOS for film in folder.films]
    if folder.films and len(relative.parts) >= 2:
        yield _Entry(not any(known), SourceVideo(name, "voxceleb", folder.films))
    else:
        stems = Counter(film.stem for film in folder.films)
        first = Counter(itertools.compress((film.stem for film in folder.films), known))
        for film, is_known in zip(folder.films, known, strict=True):
            alone = (first if is_known else stems)[film.stem] == 1
            own = relative / (film.stem if alone else film.name)
            yield _Entry(not is_known, SourceVideo(own.as_posix(), "video", (film,)))
    photos = _own_photos(folder)
    if photos:
        new = any(known) or all(p.suffix.lower() not in FIRST_PHOTOS for p in folder.photos)
        yield _Entry(new, SourceVideo(name, "photos", photos))


def _own_photos(folder: _Folder) -> tuple[Path, ...]:
    """Return the photos that are more than pictures of the films beside them."""
    names = {film.stem.casefold() for film in folder.films}
    photos = tuple(photo for photo in folder.photos if photo.stem.casefold() not in names)
    return photos if not names or len(photos) >= FEWEST_BESIDE_FILMS else ()


def _say_passed_over(source: Path, folders: list[_Folder], left: int = 0) -> None:
    """Say in one line which pictures and films below `source` are not used, and what helps."""
    parts = [passed_over(path for folder in folders for path in folder.files)]
    if left:
        parts.append(
            f"{left} photo{'s' * (left > 1)} (of the name of a film beside it, or alone beside "
            "films: to have it used, move it into a folder of its own)"
        )
    if any(parts):
        _say(source, f"passed over: {', '.join(filter(None, parts))}")


def _say(source: Path, what: str) -> None:
    print(f"{source}: {what}", file=sys.stderr)
