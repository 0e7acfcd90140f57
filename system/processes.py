"""Run jobs in processes that end when they should: with the run, with its parent, on Ctrl-C."""

import contextlib
import functools
import itertools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import TypeVar

import cv2

Context = TypeVar("Context")
Result = TypeVar("Result")

_context: Callable[[], object]  # of a worker process

AHEAD = 2  # jobs handed out per worker, so that none waits for the next


def run_jobs(
    function: Callable[..., Result],
    jobs: Iterable[tuple],
    workers: int,
    make_context: Callable[[], Context],
) -> Iterator[Result]:
    """Call `function(context, *job)` for each job and yield the results as they come.

    OpenCV uses one thread in each process. One worker is this process itself. Close the generator
    to stop: jobs that are being done are then cut off.

    Args:
        function: importable by name.
        jobs: its arguments; taken up a few at a time.
        workers: processes.
        make_context: called once in each process, before its first job, for what the jobs share.

    Raises:
        ChildProcessError: the system has killed a worker.
    """
    if workers == 1:
        with _one_thread():
            shared = make_context()
            for job in jobs:
                yield function(shared, *job)
        return
    context = multiprocessing.get_context("spawn")  # threads and GPUs do not survive a fork
    lifeline, held = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(
        workers, context, initializer=_start_worker, initargs=(lifeline, make_context)
    )
    try:
        with interrupts_held():
            for _ in range(workers):  # each job starts a process, as long as none is idle
                pool.submit(os.getpid)
        yield from _stream(pool, function, iter(jobs), AHEAD * workers)
    except BrokenProcessPool:
        raise ChildProcessError(
            "the system has killed a worker process (out of memory?); the same command goes on "
            "where it stopped, with fewer --workers it needs less memory"
        ) from None
    except BaseException:
        held.close()  # ends the workers in the middle of their jobs
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        held.close()
        lifeline.close()


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back in the block; processes that are started in it never hear of it.

    It is for this process to handle. One that is just starting would die of it with a traceback.
    """
    if threading.current_thread() is not threading.main_thread():  # Ctrl-C does not come here
        yield
        return
    noted = []
    handler = signal.signal(signal.SIGINT, lambda *_: noted.append(True))
    try:
        with _interrupts_blocked():
            yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if noted:
            signal.raise_signal(signal.SIGINT)


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Block Ctrl-C in this thread and in processes that it starts.

    Any other thread of this process, such as one of OpenBLAS, still takes it for the main one.
    """
    if not hasattr(signal, "pthread_sigmask"):  # on Windows
        yield
        return
    resource_tracker.ensure_running()  # its start would let Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _stream(
    pool: ProcessPoolExecutor, function: Callable[..., Result], jobs: Iterator[tuple], ahead: int
) -> Iterator[Result]:
    running = set()
    while True:
        for job in itertools.islice(jobs, ahead - len(running)):
            running.add(pool.submit(_do, function, *job))
        if not running:
            return
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()


def _start_worker(lifeline: Connection, make_context: Callable[[], Context]) -> None:
    global _context
    _context = functools.cache(make_context)  # called by the first job: its errors are then seen
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it could not be held back
    threading.Thread(target=_end_with_parent, args=(lifeline,), daemon=True).start()
    cv2.setNumThreads(1)


def _do(function: Callable[..., Result], *job: object) -> Result:
    return function(_context(), *job)


def _end_with_parent(lifeline: Connection) -> None:
    """Exit when the other end of the pipe is closed, which the parent's death does too."""
    with contextlib.suppress(EOFError, OSError):
        lifeline.recv()
    os._exit(1)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
