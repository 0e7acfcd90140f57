"""Ctrl-C and SIGTERM, noticed between two steps instead of in the middle of one."""

import signal
import time
from types import FrameType

ECHO = 1.0  # seconds: job schedulers signal torchrun and its children, and torchrun passes it on


class Interruption:
    """A context in which SIGINT and SIGTERM only set `self.signal`; a later one acts at once."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.signal: int | None = None

    def __enter__(self) -> "Interruption":
        self._before = {number: signal.signal(number, self._note) for number in self.SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _: FrameType | None) -> None:
        if self.signal is None:
            self.signal, self._noted = number, time.monotonic()
        elif time.monotonic() - self._noted > ECHO:
            raise KeyboardInterrupt
