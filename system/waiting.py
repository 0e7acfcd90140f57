"""Threads that wait for work sleep. Every script imports this first, since PyTorch asks but once.

A thread of OpenMP that waits for the others spins by default. Where another process shares the
cores, that keeps those off it for which it waits; `benchmarks/shared_cores.py` measures how much.
What the environment says already is kept.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
