"""Freed memory is used again."""

import ctypes
import subprocess
import sys

import pytest

ASKS = """
import resource, sys
import numpy as np
from system.memory import keep_freed_memory

def pages() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

if "keep" in sys.argv:
    keep_freed_memory()
np.ones(2**24)
before = pages()
np.ones(2**24)
print(pages() - before)
"""


@pytest.mark.skipif(not hasattr(ctypes.pythonapi, "mallopt"), reason="no glibc")
def test_a_large_block_that_was_freed_costs_no_new_pages_when_memory_is_kept():
    given_back, kept = (
        int(subprocess.check_output([sys.executable, "-c", ASKS, how]))
        for how in ("as it is", "keep")
    )
    assert kept < 10 < given_back
