"""Timing work that a GPU may still be doing."""

import time
from collections.abc import Callable

import torch


def wait(device: torch.device) -> None:
    """Return when the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds_each(
    job: Callable[[], object], device: torch.device, repeats: int, warm: int = 2
) -> float:
    """Seconds of a job, the mean of so many in a row after a few that do not count."""
    for _ in range(warm):
        job()
    wait(device)
    started = time.perf_counter()
    for _ in range(repeats):
        job()
    wait(device)
    return (time.perf_counter() - started) / repeats
