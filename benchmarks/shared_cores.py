"""What do other processes on the same cores cost, and how should threads wait for work?

    python -m benchmarks.shared_cores
    python -m benchmarks.shared_cores --turns 5 --neighbours 0 1

Forward and backward of the demo's generator, as many threads as there are cores, while so many
other processes compute all the time. A thread that has done its part waits for the others: by
default it spins for a while, which on a shared core keeps those off it for which it waits;
the library's scripts let it sleep soon (`system/waiting.py`). Each figure is of processes of their
own, which take turns; the slowest pass is of all turns.
"""

from system.waiting import TURNS

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator

WAYS = {
    "all threads, spinning": {"OMP_WAIT_POLICY": None, "GOMP_SPINCOUNT": None},
    "all threads, sleeping soon": {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": str(TURNS)},
    "all threads, sleeping at once": {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": None},
    "one thread": {"OMP_NUM_THREADS": "1"},
}

PASSES = """
import statistics, sys, time
from dataclasses import asdict
import torch
from config import DEMO_NETWORKS
from training.models import build_models
torch.manual_seed(0)
generator = build_models(1, **asdict(DEMO_NETWORKS)).generator
size = DEMO_NETWORKS.image_size
landmarks, embedding = torch.rand(8, 3, size, size), torch.rand(8, DEMO_NETWORKS.max_channels)
for passed in range(int(sys.argv[1]) + 3):
    began = time.perf_counter()
    generator(landmarks, generator.project(embedding)).abs().mean().backward()
    if passed >= 3:
        print(time.perf_counter() - began)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--neighbours", type=int, nargs="+", default=[0, 1, 2], help="processes")
    parser.add_argument("--passes", type=int, default=30, help="of each process")
    parser.add_argument("--turns", type=int, default=3, help="processes of each figure")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores\n")
    print("| busy neighbours | " + " | ".join(WAYS) + " |")
    print("|---" * (len(WAYS) + 1) + "|")
    for neighbours in options.neighbours:
        seconds = {way: [] for way in WAYS}
        with busy(neighbours):
            for _ in range(options.turns):
                for way, environment in WAYS.items():
                    seconds[way] += passes(options.passes, environment)
        cells = (f"{statistics.median(s):.3f} s, slowest {max(s):.2f}" for s in seconds.values())
        print(f"| {neighbours} | " + " | ".join(cells) + " |", flush=True)


def passes(count: int, changes: dict[str, str | None]) -> list[float]:
    """Seconds of each pass in a process with this environment."""
    environment = {k: v for k, v in (os.environ | changes).items() if v is not None}
    command = [sys.executable, "-c", PASSES, str(count)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    return [float(line) for line in done.stdout.split()]


@contextlib.contextmanager
def busy(count: int) -> Iterator[None]:
    """Keep so many processes computing."""
    neighbours = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)
    ]
    try:
        yield
    finally:
        for neighbour in neighbours:
            neighbour.kill()
            neighbour.wait()


if __name__ == "__main__":
    main()
