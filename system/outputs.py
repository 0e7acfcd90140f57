"""What is written never takes the place of what is read, and can be written.

Every script asks before it loads or computes anything: a film of an hour's work that cannot be
written is lost, and so is a photo that it is written over.
"""

import contextlib
import fnmatch
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from system.files import remove_stale, temporary_name

LEAST_FREE = 16 * 10**6  # bytes on the disk, below which nothing is begun
ANY_WRITES = 0o222  # the bits of a file's mode that let anybody write


class Input(NamedTuple):
    """Something of the user's that is read."""

    option: str
    """As the user knows it, for instance --source."""
    path: Path
    suffixes: tuple[str, ...] = ()
    """Of a folder: the files below it that are read, in small letters; none: it has its own."""


def prepare_file(
    path: Path, inputs: Iterable[Input], suffixes: Sequence[str], option: str = "--output"
) -> None:
    """Make sure that a file may be written: it is no input, and the disk takes it.

    Nothing is left on the disk by this. What a killed writer has left beside `path` is removed.

    Args:
        path: the file; it may exist, and is not touched.
        inputs: what the script reads.
        suffixes: those that it may have, with the dot, in small letters.
        option: where the user has named it.

    Raises:
        ValueError: it is an input, lies among them, or has another suffix.
        OSError: it cannot be written there.
    """
    path = Path(path)
    for given in inputs:
        _refuse_input(option, path, given)
        if given.suffixes and _is_among(path, given):
            raise ValueError(
                f"{option} must lie outside {given.option} {given.path}, whose "
                f"{path.suffix.lower()} files are read, got {path}"
            )
    if path.suffix.lower() not in suffixes:
        raise ValueError(f"{option} must end in {' or '.join(suffixes)}, got {path}")
    _try_to_write(option, path, path)
    if path.exists() and not path.is_file():
        kind = "a folder" if path.is_dir() else "no file"
        raise IsADirectoryError(f"{option} must be a file to write, {path} is {kind}")
    if path.exists() and not path.stat().st_mode & ANY_WRITES:
        raise PermissionError(f"{option} must be a file that may be written, {path} is read-only")
    if path.parent.is_dir():
        remove_stale(path.parent, below=False)


def prepare_folder(
    path: Path,
    inputs: Iterable[Input],
    writes: Sequence[str] = (),
    begun: Callable[[Path], bool] | None = None,
    option: str = "--output",
    dry: bool = False,
) -> None:
    """Make sure that a folder may be written into; nothing is made or changed by this.

    Args:
        path: the folder; it may exist.
        inputs: what the script reads.
        writes: names in the folder that the script writes, as patterns.
        begun: tells whether a folder is of the same script, so that these names are its own; it is
            asked after they are found, since another machine may just have begun. None: it is.
        option: where the user has named it.
        dry: nothing will be written, so that the disk does not matter.

    Raises:
        ValueError: it is an input, lies among them, or what it holds would be overwritten.
        OSError: it cannot be written into.
    """
    path = Path(path)
    for given in inputs:
        _refuse_input(option, path, given)
        if given.suffixes and _is_below(path, given.path):
            raise ValueError(
                f"{option} must lie outside {given.option} {given.path}, all of which is read, "
                f"got {path}"
            )
        if any(fnmatch.fnmatch(name, each) for name in _name_in(path, given) for each in writes):
            raise ValueError(
                f"{option} must be a folder without {given.option} {given.path}, which would be "
                f"overwritten, got {path}"
            )
    if not dry:
        _try_to_write(option, path, path / "any")
    held = _held(path, writes) if begun else []
    if held and not begun(path):
        raise ValueError(
            f"{option} must be a new folder or one that was begun by the same command, got "
            f"{path}, whose {held[0]} would be overwritten"
        )


def _refuse_input(option: str, path: Path, given: Input) -> None:
    if _is_same(path, given.path):
        kind = "folder" if given.path.is_dir() else "file"
        link = f", which is {given.path}" if path != given.path else ""
        raise ValueError(f"{option} must be another {kind} than {given.option}, got {path}{link}")


def _is_same(one: Path, other: Path) -> bool:
    """Tell whether both are one file or folder, by a link or before it exists."""
    with contextlib.suppress(OSError):
        if one.samefile(other):
            return True
    return os.path.realpath(one) == os.path.realpath(other)


def _is_below(path: Path, folder: Path) -> bool:
    return any(_is_same(above, folder) for above in _location(path).parents)


def _location(path: Path) -> Path:
    """Return where a name lies in truth; a link that has the name is not followed."""
    return Path(os.path.realpath(path.parent)) / path.name


def _name_in(folder: Path, given: Input) -> Iterator[str]:
    """Yield the name of what holds the input, or is it, in the folder."""
    with contextlib.suppress(ValueError):
        inside = _location(given.path).relative_to(os.path.realpath(folder))
        yield from inside.parts[:1]


def _held(folder: Path, patterns: Iterable[str]) -> list[Path]:
    return [path.relative_to(folder) for pattern in patterns for path in folder.glob(pattern)]


def _is_among(path: Path, given: Input) -> bool:
    """Tell whether a file is, or would be, one that is read of a folder, if only by a link."""
    if not path.name.lower().endswith(given.suffixes) or not given.path.is_dir():
        return False
    if _is_below(path, given.path):
        return True
    return path.exists() and any(
        file.name.lower().endswith(given.suffixes) and _is_same(path, file)
        for file in _files(given.path, set())
    )


def _files(folder: Path, visited: set[str]) -> Iterator[Path]:
    """Yield all files below a folder, through links; a loop of them ends by itself."""
    identity = os.path.realpath(folder)
    if identity in visited:
        return
    visited.add(identity)
    with contextlib.suppress(OSError):
        for entry in folder.iterdir():
            if entry.is_dir():
                yield from _files(entry, visited)
            else:
                yield entry


def _try_to_write(option: str, path: Path, file: Path) -> None:
    """Make a file where `file` is to be, or in the closest folder, and remove it; ask for room.

    Permissions alone do not tell: root has them all, and a network's disk has rules of its own.
    """
    file = file.absolute()
    try:
        folder = _closest(file)
        for name in (folder / name for name in file.relative_to(folder).parts):
            name.is_symlink()  # raises where a name is too long for this disk
        file.is_symlink()  # or all of them together
        trial = temporary_name(folder / "trial")
        trial.touch(exist_ok=False)
        trial.unlink()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        reason = error.strerror or error
        raise OSError(f"{option} must be writable, got {path}: {reason}") from None
    if free < LEAST_FREE:
        raise OSError(
            f"{option} must lie on a disk with {LEAST_FREE / 1e6:.0f} MB free, got {path}, where "
            f"{free / 1e6:.1f} are"
        )


def _closest(path: Path) -> Path:
    """Return the closest folder above an absolute path.

    Raises:
        OSError: there is something else in the way.
    """
    for folder in path.parents:
        if folder.is_dir():
            return folder
        if folder.exists() or folder.is_symlink():
            kind = "a file" if folder.exists() else "a link to nothing"
            raise NotADirectoryError(f"{folder} is {kind}")
    raise FileNotFoundError(f"{path.anchor} does not exist")
