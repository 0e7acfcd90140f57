"""What is set before PyTorch is imported, which takes seconds. Every script imports this first.

Threads that wait for work soon sleep; PyTorch asks but once. A thread of OpenMP that waits for the
others spins for milliseconds by default. Where another process shares the cores, that keeps those
off it for which it waits; `benchmarks/shared_cores.py` measures how much. What the environment says
already is kept.

And Ctrl-C ends the process as the system would, without a traceback of half an import: nothing has
been begun. From `cli.run` on it unwinds.
"""

import os
import signal
import sys
from pathlib import Path

# Turns of GCC's OpenMP before a thread sleeps: with none idle cores lose a tenth, with 300,000, its
# own choice, busy ones lose more than half.
TURNS = 500

if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys():
    os.environ |= {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": str(TURNS)}


def _is_script() -> bool:
    """Tell whether one of the scripts is run, and not imported by something else."""
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    return file is not None and Path(file).resolve().parent == Path(__file__).resolve().parents[1]


if signal.getsignal(signal.SIGINT) is signal.default_int_handler and _is_script():
    signal.signal(signal.SIGINT, signal.SIG_DFL)
