"""Files that appear whole or not at all."""

import contextlib
import os
import re
import secrets
import shutil
import socket
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

PREFIX = ".partial"
OWN = re.compile(
    rf"{re.escape(PREFIX)}-([0-9a-f]{{8}})-(\d+)-[0-9a-f]{{8}}(\.[^/]*)?"
)  # host, process
STALE_SECONDS = 24 * 3600


@contextlib.contextmanager
def replacing(path: Path, sync: bool = False) -> Iterator[Path]:
    """Yield a temporary name beside `path`, and move it there when the block succeeds.

    The folder is made if missing. On an error nothing of `path` is touched and the temporary file
    is removed; after a kill it stays behind for `remove_stale`.

    Args:
        path: the file to write; the temporary name has the same suffix.
        sync: wait until the bytes are on the disk before the name appears.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = temporary_name(path)
    try:
        yield partial
        if sync:
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
        partial.replace(path)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and error.filename in (None, str(partial)):
            raise OSError(error.errno, error.strerror, str(path)) from None  # the name users know
        raise


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield the name of a folder to make beside `path`, and move it there when the block succeeds.

    As `replacing`, but what is at `path` already is left alone, unless it is an empty folder.

    Raises:
        OSError: there is something at `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = temporary_name(path)
    try:
        yield partial
        partial.replace(path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def temporary_name(path: Path) -> Path:
    """Return a name beside `path`, of this process and with the same suffix, for a while."""
    owner = f"{_host()}-{os.getpid()}"
    return path.with_name(f"{PREFIX}-{owner}-{secrets.token_hex(4)}{path.suffix}")


def remove_stale(folder: Path, below: bool = True) -> None:
    """Delete temporary files and folders whose writer is gone; leave others' and users' own.

    Args:
        folder: where they lie.
        below: in its folders as well.
    """
    found = Path(folder).rglob if below else Path(folder).glob
    for partial in found(f"{PREFIX}-*"):
        with contextlib.suppress(FileNotFoundError):
            if _is_stale(partial):
                _remove(partial)


def _remove(partial: Path) -> None:
    if partial.is_dir():
        shutil.rmtree(partial)
    else:
        partial.unlink()


def _is_stale(partial: Path) -> bool:
    name = OWN.fullmatch(partial.name)
    if name is None:
        return False  # somebody else's
    if time.time() - partial.stat().st_mtime > STALE_SECONDS:
        return True
    host, process = name.groups()[:2]
    if os.name != "posix" or host != _host():
        return False  # another machine may be writing it
    return int(process) == os.getpid() or not _is_running(int(process))


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)  # sends nothing
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # The dead whom nobody buries, as in containers without an init process, answer as well.
    with contextlib.suppress(OSError):
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        return state not in "ZX"
    return True


def _host() -> str:
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"
