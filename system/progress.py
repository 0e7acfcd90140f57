"""Progress bars that live on a terminal and stay short in a log file."""

import sys
from typing import Any

from tqdm import tqdm

ON_TERMINAL, IN_LOG = 0.2, 60.0  # seconds between two refreshes


def progress_bar(**options: Any) -> tqdm:
    """Make a tqdm bar on standard error, from tqdm's own options.

    Pass `refresh=False` to its `set_postfix`, which would write a line each time otherwise.
    """
    interval = ON_TERMINAL if sys.stderr.isatty() else IN_LOG
    return _Bar(mininterval=interval, **options)


class _Bar(tqdm):
    def __del__(self):
        if hasattr(self, "start_t"):  # what tqdm sets last: Ctrl-C may have cut its making short
            super().__del__()
