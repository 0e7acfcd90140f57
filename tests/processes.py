"""Scripts in processes of their own, for what only a process shows: kills, signals, company.

The processes are forked from a server that has imported PyTorch once, and has never used it.
"""

import contextlib
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

from torch.distributed import TCPStore

import cli
from tests.conftest import PATIENCE, ROOT

server = multiprocessing.get_context("forkserver")
server.set_forkserver_preload(["torch._dynamo", "matplotlib.figure"])  # what training imports


@contextlib.contextmanager
def processes() -> Iterator[Callable[..., BaseProcess]]:
    """Give a function that starts processes, see `_run`; those that still run at the end die."""
    with contextlib.ExitStack() as stack:

        def start(*arguments: object, **environment: object) -> BaseProcess:
            process = server.Process(target=_run, args=(arguments, environment))
            process.start()
            stack.callback(process.join)
            stack.callback(process.kill)
            return process

        yield start


def learn_together(
    start: Callable[..., BaseProcess], main: Callable[[], None], folder: Path, *arguments: object
) -> list[BaseProcess]:
    """Start two processes that learn together; what they say goes to folder/NUMBER.out and .err.

    As under torchrun their parent holds the store, so that it does not end with one of them.
    """
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    common = {
        "MASTER_ADDR": store.host,
        "MASTER_PORT": store.port,
        "WORLD_SIZE": 2,
        "TORCHELASTIC_USE_AGENT_STORE": True,
        "TORCHELASTIC_RESTART_COUNT": 0,
    }
    both = [
        start(main, folder / str(number), *arguments, RANK=number, LOCAL_RANK=number, **common)
        for number in range(2)
    ]
    both[0].store = store  # as long as they are there
    return both


def outcome(both: list[BaseProcess], folder: Path) -> tuple[list[int | None], str, str]:
    """Wait for the end of processes; tell their exit codes and what they have said."""
    for process in both:
        process.join(120)
    said = (
        "".join((folder / f"{number}{suffix}").read_text() for number in range(len(both)))
        for suffix in (".out", ".err")
    )
    return [process.exitcode for process in both], *said


def wait_for(path: Path, is_alive: Callable[[], bool]) -> None:
    """Wait until `path` is there, which a process is to write."""
    deadline = time.monotonic() + PATIENCE
    while not path.exists():
        assert is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.002)


def _run(arguments: tuple, environment: dict[str, object]) -> None:
    """Run a script's main function on the CPU, with these options.

    Args:
        arguments: the function, a path, and the options. What the script says goes to the path
            with the suffixes .out and .err.
        environment: more variables of it.
    """
    main, said, *options = arguments
    for number, suffix in ((1, ".out"), (2, ".err")):
        file = os.open(f"{said}{suffix}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    multiprocessing.set_start_method(None, force=True)  # as a script that is started has it
    os.chdir(ROOT)
    os.environ |= {"CUDA_VISIBLE_DEVICES": ""}
    os.environ |= {name: str(value) for name, value in environment.items()}
    sys.argv = ["train.py", *map(str, options)]
    cli.run(main)


def _die_with_parent() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)
