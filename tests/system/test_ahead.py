"""Items made ahead in a thread: in order, few at a time, and gone when they are not wanted."""

import gc
import itertools
import threading
import time

import pytest

from system.ahead import ahead
from tests.conftest import PATIENCE


class Source:
    """Counts its numbers as they are made, and tells that it was closed, and by whom."""

    def __init__(self, numbers, broken_at=None):
        self.numbers, self.broken_at = numbers, broken_at
        self.count, self.closed_by = 0, None

    def __iter__(self):
        try:
            for number in self.numbers:
                if number == self.broken_at:
                    raise OSError("torn")
                self.count += 1
                yield number
        finally:
            self.closed_by = threading.current_thread().name


def threads() -> int:
    return sum(thread.name == "ahead" for thread in threading.enumerate())


def assert_made(source: Source, count: int) -> None:
    """Wait until so many numbers are made, and see that no more come."""
    deadline = time.monotonic() + PATIENCE
    while source.count < count and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(0.02)
    assert source.count == count


@pytest.mark.parametrize("most", [1, 3, 100])
def test_every_item_comes_once_and_in_order(most):
    source = Source(range(30))
    assert list(ahead(source, most)) == list(range(30))
    assert source.closed_by == "ahead" and not threads()
    assert list(ahead([], most)) == []


@pytest.mark.parametrize("most", [1, 3])
def test_the_next_items_of_an_endless_source_are_made_meanwhile_and_no_more(most):
    source = Source(itertools.count())
    items = ahead(source, most)
    assert_made(source, 0)  # before the first is asked for
    for taken in range(1, 5):
        assert next(items) == taken - 1
        assert_made(source, taken + most)
    items.close()


def test_an_error_comes_where_its_item_would_have_come():
    source = Source(range(9), broken_at=4)
    items, taken = ahead(source, 100), []
    with pytest.raises(OSError, match="torn") as caught:
        taken.extend(items)
    assert taken == [0, 1, 2, 3]
    assert "__iter__" in [entry.name for entry in caught.traceback], "it tells where it arose"
    assert next(items, None) is None
    assert not threads()


def test_an_error_of_an_item_that_nobody_asks_for_is_no_error():
    source = Source(range(9), broken_at=4)
    items = ahead(source, 100)
    assert next(items) == 0
    assert_made(source, 4)
    items.close()
    assert not threads()


@pytest.mark.parametrize("most", [1, 100])
@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_when_its_user_fails_the_thread_has_ended_and_the_source_is_closed(most, error):
    source = Source(itertools.count())

    def fail():
        for item in ahead(source, most):
            if item == 2:
                raise error

    with pytest.raises(error):
        fail()
    assert source.closed_by == "ahead" and not threads()


def test_closing_does_not_wait_for_an_item_that_never_comes(monkeypatch):
    monkeypatch.setattr("system.ahead.PATIENCE", 0.05)
    comes = threading.Event()

    def blocked():
        yield 0
        try:
            comes.wait()
            yield 1
        finally:
            closed.set()

    closed = threading.Event()
    items = ahead(blocked(), 2)
    next(items)
    started = time.monotonic()
    items.close()
    assert time.monotonic() - started < 1
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "ahead")
    comes.set()
    assert closed.wait(PATIENCE), "and when it comes, the source is closed"


def test_stages_one_behind_the_other_all_end_together():
    source = Source(itertools.count())
    items = ahead((2 * item for item in ahead(source, 2)), 2)
    assert list(itertools.islice(items, 3)) == [0, 2, 4]
    items.close()
    gc.collect()
    assert source.closed_by == "ahead" and not threads()


def test_fewer_than_one_is_refused_at_once():
    with pytest.raises(ValueError, match="at least 1 item must be made ahead, got 0"):
        ahead([], 0)
