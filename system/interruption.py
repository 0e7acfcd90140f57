"""Ctrl-C, SIGTERM and SIGHUP, noticed between two steps instead of in the middle of one."""

import signal
import time
from types import FrameType

HANGUP = (signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()  # Windows has none
ECHO = 1.0  # seconds: job schedulers signal torchrun and its children, and torchrun passes it on


class Interruption:
    """A context in which such a signal only sets `self.signal`; a later one acts at once.

    SIGHUP comes when a terminal is closed; under nohup it is ignored, and stays so.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM, *HANGUP)

    def __init__(self) -> None:
        self.signal: int | None = None

    def __enter__(self) -> "Interruption":
        noted = [
            number
            for number in self.SIGNALS
            if number not in HANGUP or signal.getsignal(number) is not signal.SIG_IGN
        ]
        self._before = {number: signal.signal(number, self._note) for number in noted}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _: FrameType | None) -> None:
        if self.signal is None:
            self.signal, self._noted = number, time.monotonic()
        elif time.monotonic() - self._noted > ECHO:
            raise KeyboardInterrupt
