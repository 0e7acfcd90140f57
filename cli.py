"""From a config dataclass to a command line, and from a user's mistake to one line."""

import contextlib
import io
import itertools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import tyro

Config = TypeVar("Config")

SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
ECHO = 1.0  # seconds: job schedulers signal a script and its group, impatient users press again
SHORT = {"-s": "--source", "-d": "--driving", "-o": "--output"}


def parse(
    config: type[Config],
    program: str,
    arguments: list[str] | None = None,
    presets: Mapping[str, Mapping[str, Any]] | None = None,
) -> Config:
    """Read the command line into `config`; nested dataclasses become flat `--kebab-case` options.

    Args:
        config: a frozen dataclass of `config.py`.
        program: the script's name, for the usage line.
        arguments: in place of `sys.argv[1:]`.
        presets: name -> field values that replace the defaults when `--preset name` is given.

    Raises:
        SystemExit: after --help (0), or after one line about a wrong option (2).
        ValueError: a file to write has the name of a folder.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    arguments = [SHORT.get(argument, argument) for argument in arguments]
    _refuse_slashes(config, arguments)
    default = None
    if presets:
        name, arguments = _pop_preset(arguments, program, presets)
        required = {
            key: tyro.MISSING
            for key, entry in config.__dataclass_fields__.items()
            if entry.default is entry.default_factory  # both are dataclasses.MISSING
        }
        default = config(**{**required, **presets[name]})
    description = (config.__doc__ or "").strip()
    if presets:
        description += f" --preset {'|'.join(presets)} changes the defaults."
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.cli(
                config,
                prog=program,
                args=arguments,
                description=description,
                config=(tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff),
                **({"default": default} if default is not None else {}),
            )
    except SystemExit as stop:
        if stop.code != 0:
            print(f"{program}: {_first_section(complaint.getvalue())}", file=sys.stderr)
        raise


def run(script: Callable[[], None]) -> None:
    """Call a script's main function; end user errors in one line and signals quietly.

    Exit status: 0 done, 1 a user's mistake or the system's refusal, 130 interrupted, 143 and 129
    after SIGTERM and SIGHUP. With TRACEBACK=1 in the environment errors are raised as they are.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # not every terminal has every character
    try:
        with _signals_raised():
            script()
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except (ValueError, OSError, FloatingPointError) as error:
        if os.environ.get("TRACEBACK"):
            raise
        sys.exit(f"{Path(sys.argv[0]).name}: {' '.join(str(error).split())}")


@contextlib.contextmanager
def _signals_raised() -> Iterator[None]:
    """Let SIGTERM and SIGHUP leave the block as Ctrl-C does, so that nothing half-written stays.

    Soon after a signal another one is taken for its echo, and does not disturb the tidying up.
    One that is ignored, as under nohup, stays so.
    """
    first: list[float] = []

    def leave(number: int, _: FrameType | None) -> None:
        if first and time.monotonic() - first[0] < ECHO:
            return
        first.append(time.monotonic())
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():  # signals do not come here
        yield
        return
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    ours = [n for n, h in handlers.items() if h in (signal.SIG_DFL, signal.default_int_handler)]
    for number in ours:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, handlers[number])


def _refuse_slashes(config: type, arguments: list[str]) -> None:
    """Refuse `--output me.mp4/`, which would become a file without the slash."""
    options = {
        f"--{name.replace('_', '-')}"
        for name, entry in config.__dataclass_fields__.items()
        if entry.metadata.get("file")
    }
    ends = tuple(filter(None, (os.sep, os.altsep)))
    words = [
        word
        for argument in arguments
        for word in (argument.split("=", 1) if argument.startswith("--") else [argument])
    ]
    for option, value in itertools.pairwise(words):
        if option in options and value.endswith(ends) and Path(value).suffix:
            raise ValueError(f"{option} must be a file to write, got the folder {value}")


def _first_section(box: str) -> str:
    """Flatten tyro's message to its first part: what is wrong, without title and help.

    It has a frame of lines where the terminal can show them, else rules of hyphens.
    """
    lines = [line.strip("│ ") for line in box.splitlines() if line.strip()]
    parts = [[]]
    for line in lines[1:]:
        if set(line) <= set("─-╰╯"):
            parts.append([])
        else:
            parts[-1].append(line)
    return " ".join(next(filter(None, parts), [])) + " (see --help)"


def _pop_preset(
    arguments: list[str], program: str, presets: Mapping[str, Any]
) -> tuple[str, list[str]]:
    if "--preset" not in arguments:
        return next(iter(presets)), arguments
    at = arguments.index("--preset")
    name = arguments[at + 1] if at + 1 < len(arguments) else ""
    if name not in presets:
        raise SystemExit(f"{program}: --preset must be one of {', '.join(presets)}, got {name!r}")
    return name, arguments[:at] + arguments[at + 2 :]
