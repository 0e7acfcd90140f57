"""Does drawing live keep to its memory, however long it goes on?

    python -m drawn_heads --output HEADS --people 1 --frames 150 --size 256
    python -m benchmarks.endless --video HEADS/id00000/video000/00001.mp4 --minutes 60

A stand-in for a camera gives the film's frames in real time, over and over; an untrained head
follows them. After each minute it prints what the process has in memory.
"""

import argparse
import resource
import time
from pathlib import Path

import numpy as np

from benchmarks.inference import live, made, table
from config import PRESETS
from system.device import set_threads


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--video", type=Path, required=True, help="a film with one face")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--preset", choices=PRESETS, default="demo")
    parser.add_argument("--backend", choices=("float32", "bfloat16", "onnx"), default="float32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args()
    set_threads(options.threads)
    head = made(options.preset, options.backend, options)
    began, frames, minute = time.monotonic(), 0, 1
    table(["minutes", "frames", "memory, MB"])

    def show(picture: np.ndarray, line: str) -> bool:
        nonlocal frames, minute
        frames += 1
        if time.monotonic() - began >= 60 * minute:
            print(f"| {minute} | {frames} | {memory():.1f} |", flush=True)
            minute += 1
        return True

    live(head, options.video, 60 * options.minutes, show)


def memory() -> float:
    """Megabytes of this process that are in memory; Linux tells them so."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


if __name__ == "__main__":
    main()
