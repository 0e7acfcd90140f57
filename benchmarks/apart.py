"""A call in a process of its own, which may fail, hang or spoil that process without harm."""

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

PATIENCE = 5.0  # seconds for a process to end by itself once it has answered


class CallError(RuntimeError):
    """What went wrong, in a line.

    Attributes:
        kind: name of the error that the call has raised; None where it raised none.
    """

    def __init__(self, said: str, kind: str | None = None):
        super().__init__(said)
        self.kind = kind


def apart(function: Callable, *arguments: object, seconds: float | None = None) -> object:
    """Call a function in a process of its own, made from one that has PyTorch and no GPU yet.

    Args:
        function, arguments, result: can be pickled.
        seconds: after so many it is stopped, and all processes that it has started.

    Raises:
        CallError: it raised an error, took too long, or ended without an answer.
    """
    end = None if seconds is None else time.monotonic() + seconds
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.gpu_training"])  # what calls need, once for all
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(there, function, arguments))
    process.start()
    there.close()
    try:
        if not here.poll(None if end is None else max(0.0, end - time.monotonic())):
            raise CallError(f"stopped after {seconds:.0f} s")
        answer, said, kind = here.recv()
        process.join(PATIENCE)
    except EOFError:
        process.join(PATIENCE)
        raise CallError(f"its process ended with status {process.exitcode}") from None
    finally:
        _end(process)
    if said is not None:
        raise CallError(said, kind)
    return answer


def _answer(there: Connection, function: Callable, arguments: tuple[object, ...]) -> None:
    os.setpgrp()  # so that it can be ended with what it starts
    answer = said = kind = None
    try:
        answer = function(*arguments)
    except Exception as error:  # noqa: BLE001 - told to who has called
        kind = type(error).__name__
        said = f"{kind}: {(str(error).strip() or 'no reason given').splitlines()[0]}"
    there.send((answer, said, kind))


def _end(process: BaseProcess) -> None:
    process.kill()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.join()
