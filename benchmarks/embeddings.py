"""Does W, one row per training video, cost the same per step however many videos there are?

    python -m benchmarks.embeddings                           # 100, 10,000 and 1,000,000 videos
    python -m benchmarks.embeddings --counts 100 10000        # quicker, and without 6 GB of memory
    python -m benchmarks.embeddings --device cuda --rows-on-cpu

Rows have 512 numbers, as in the paper. "rows" is the lookup of a batch of 8, its backward pass and
SparseAdam; "step" is a whole step of meta-learning with the demo's small networks, whose rows have
128. Times are medians. "beyond" is the most memory that either needs beyond W, its two moments and
what lay there before.
"""

import argparse
import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch

from benchmarks.clock import wait
from config import DEMO_NETWORKS
from dataset.episode import Episode
from loss.content import ContentLoss
from network.discriminator import VideoEmbeddings
from training.hardware import Hardware
from training.models import Models, build_models, build_optimizers
from training.steps import meta_step

BATCH, SOURCES, ROW = 8, 2, 512
WEIGHTS = {"l1": 20.0, "adversarial": 0.1, "feature_matching": 10.0, "matching": 0.1}
ADAM = {"lr": 2e-4, "betas": (0.0, 0.999), "eps": 1e-5}
RATES = {"generator_lr": 5e-5, "discriminator_lr": 2e-4, "beta1": 0.0, "beta2": 0.999, "eps": 1e-5}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--counts", type=int, nargs="+", default=[100, 10_000, 1_000_000])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rows-on-cpu", action="store_true")
    parser.add_argument("--repeats", type=int, default=50)
    options = parser.parse_args()
    device = torch.device(options.device)
    place = torch.device("cpu") if options.rows_on_cpu else device
    print(f"{'':>10} {'rows':>16} {'step':>16}")
    print(f"{'videos':>10} {'ms':>7} {'beyond':>8} {'ms':>7} {'beyond':>8}")
    for videos in options.counts:
        rows = measure(rows_alone(videos, device, place), device, 10 * options.repeats)
        gc.collect()
        step = measure(whole_step(videos, device, place), device, options.repeats)
        gc.collect()
        print(
            f"{videos:10d}", *(f"{ms:7.2f} {megabytes:5.1f} MB" for ms, megabytes in (rows, step))
        )


def rows_alone(videos: int, device: torch.device, place: torch.device) -> Callable[[], None]:
    """One look-up, backward pass and update of 8 rows, as the discriminator's phase has them."""
    table = VideoEmbeddings(videos, ROW).to(place)
    optimizer = torch.optim.SparseAdam(table.parameters(), **ADAM)

    def once() -> None:
        chosen = torch.randint(videos, (BATCH,)).to(place)
        table(chosen).to(device).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return settled(once, optimizer)


def whole_step(videos: int, device: torch.device, place: torch.device) -> Callable[[], None]:
    """One step of meta-learning on pictures of noise."""
    networks = asdict(DEMO_NETWORKS)
    models: Models = build_models(videos, **networks).to(device, rows_on_cpu=place.type == "cpu")
    optimizers = build_optimizers(models, **RATES)
    hardware = Hardware(device, torch.float32)
    size = networks["image_size"]
    shapes = [(BATCH, SOURCES, 3, size, size)] * 2 + [(BATCH, 3, size, size)] * 2
    images = [torch.rand(shape, device=device) * 2 - 1 for shape in shapes]

    def once() -> None:
        batch = Episode(torch.randint(videos, (BATCH,)).to(place), *images)
        meta_step(models, optimizers, ContentLoss(), batch, WEIGHTS, 1, hardware)

    return settled(once, optimizers.video_embeddings)


def settled(once: Callable[[], None], optimizer: torch.optim.Optimizer) -> Callable[[], None]:
    """Have the moments of W made and laid in memory, which the system does at first use only."""
    once()
    for state in optimizer.state.values():
        for moment in (state["exp_avg"], state["exp_avg_sq"]):
            moment.mul_(1)
    return once


def measure(once: Callable[[], None], device: torch.device, repeats: int) -> tuple[float, float]:
    """Median milliseconds of a call, and the MB that calls need for a while."""
    for _ in range(3):
        once()
    before = start_peak(device)
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        once()
        wait(device)
        times.append(1e3 * (time.perf_counter() - began))
    return statistics.median(times), (peak(device) - before) / 2**20


def start_peak(device: torch.device) -> int:
    """Forget the highest use of memory so far; give that of now, bytes."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak is that of now
    return _status("VmRSS")


def peak(device: torch.device) -> int:
    return torch.cuda.max_memory_allocated() if device.type == "cuda" else _status("VmHWM")


def _status(name: str) -> int:
    """A line of /proc/self/status, bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(name)).split()[1])


if __name__ == "__main__":
    main()
