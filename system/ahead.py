"""Stages that overlap: a thread makes items while the ones before are still being used."""

import contextlib
import threading
from collections.abc import Iterable, Iterator
from queue import SimpleQueue
from typing import TypeVar

Item = TypeVar("Item")

PATIENCE = 5.0  # seconds for an item that is being made when nobody wants it any more

_END = object()


def ahead(items: Iterable[Item], most: int) -> Iterator[Item]:
    """Pass items on in their order, and make the next ones in a thread meanwhile.

    A generator: the thread begins with the first item that is asked for, and it alone walks
    through `items`. Closing the generator ends the thread when the item that it is at is made, and
    closes `items`. For one that never comes it does not wait: that thread is a daemon.

    Args:
        items: may be endless. Its error is raised where its item would have come; that of an item
            which nobody asks for, nowhere.
        most: items, at least 1, that are being made or wait to be taken.

    Raises:
        ValueError: `most` is below 1.
    """
    if most < 1:
        raise ValueError(f"at least 1 item must be made ahead, got {most}")
    return _taken(items, most)


def _taken(items: Iterable[Item], most: int) -> Iterator[Item]:
    made, room = SimpleQueue(), threading.Semaphore(most)
    wanted, errors = True, []

    def walk() -> None:
        try:
            with contextlib.closing(_each(items)) as each:
                while room.acquire() and wanted:
                    made.put(next(each, _END))
        except BaseException as error:  # noqa: BLE001 - raised where its item would have come
            errors.append(error)
            made.put(_END)

    thread = threading.Thread(target=walk, name="ahead", daemon=True)
    thread.start()
    try:
        while (item := made.get()) is not _END:
            room.release()
            yield item
        if errors:
            raise errors.pop()
    finally:
        wanted = False
        room.release()
        thread.join(PATIENCE)


def _each(items: Iterable[Item]) -> Iterator[Item]:
    """Make any iterable one that can be closed, and that closes it if it can."""
    yield from items
