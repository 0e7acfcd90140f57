"""What does each term of the content loss cost, by itself and as a part of a step?

    python -m benchmarks.content --preset demo
    python -m benchmarks.content --preset small --precision bfloat16

The first table has the terms alone: forward on both images, and back to the generated one. In the
second one they are a part of the training step of a preset, on noise, with batches of 8. Networks
have random weights, which take as long as trained ones. Every row is a process of its own, so that
its peak of memory is its own.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import NamedTuple

import torch
from torch import Tensor, nn

from benchmarks.apart import apart
from benchmarks.clock import wait
from benchmarks.paper_losses import untrained_vgg19, untrained_vggface
from config import PRESETS, VGG19_WEIGHTS, LossWeights, Networks, Optimization, Train
from dataset.episode import Episode
from loss.content import ContentLoss
from pretrained.dlib_resnet import load_dlib_features
from system.device import resolve_device, resolve_precision, set_threads
from training.hardware import Hardware
from training.health import peak_memory
from training.models import build_models, build_optimizers
from training.steps import meta_step, term_weights

BATCH = 8
REPEATS = 5
NETWORKS: dict[str, Callable[[], dict[str, nn.Module]]] = {
    "pixels": dict,
    "VGG19, three layers": lambda: {"vgg19": untrained_vgg19(3)},
    "VGG19, five layers": lambda: {"vgg19": untrained_vgg19()},
    "VGGFace": lambda: {"vggface": untrained_vggface()},
    "dlib's face recognition": lambda: {"dlib": load_dlib_features()},
    "VGG19, three layers, and dlib's": lambda: (
        NETWORKS["VGG19, three layers"]() | NETWORKS["dlib's face recognition"]()
    ),
    "VGG19 and VGGFace, the paper's": lambda: (
        NETWORKS["VGG19, five layers"]() | NETWORKS["VGGFace"]()
    ),
}


class Task(NamedTuple):
    """One row."""

    name: str
    preset: str
    device: str
    precision: str
    threads: int
    in_step: bool


class Cost(NamedTuple):
    """Of one row."""

    seconds: float
    """Of a batch, the median of some."""
    memory: int
    """Bytes at the peak."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--preset", choices=PRESETS, default="demo")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=("auto", "float32", "bfloat16"), default="auto")
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args()
    size = preset(options.preset)["networks"].image_size
    print(f"{size} pixels, batches of {BATCH}, {options.device}\n")
    for in_step, title in ((False, "term alone"), (True, "step with it")):
        share = " of the first |" if in_step else ""
        print(f"| {title} | ms |{share} pictures/s | peak memory, GB |")
        print("|---" * (5 if in_step else 4) + "|")
        first = None
        for name in NETWORKS:
            cost = apart(measure, Task(name, **vars(options), in_step=in_step))
            first = first or cost.seconds
            share = f" {cost.seconds / first:.2f} |" if in_step else ""
            print(
                f"| {name} | {1e3 * cost.seconds:.1f} |{share} {BATCH / cost.seconds:.1f} "
                f"| {cost.memory / 1e9:.2f} |",
                flush=True,
            )
        print()


def preset(name: str) -> dict:
    """All that a preset sets, and the defaults of what it does not."""
    defaults = {"networks": Networks(), "optimization": Optimization()}
    return {**defaults, "sources": Train.sources, **PRESETS[name]}


def measure(task: Task) -> Cost:
    """Time a row; the first two calls do not count."""
    set_threads(task.threads)
    torch.manual_seed(0)
    call = (step if task.in_step else term)(task)
    device = resolve_device(task.device)
    seconds = []
    for _ in range(2 + REPEATS):
        wait(device)
        started = time.perf_counter()
        call()
        wait(device)
        seconds.append(time.perf_counter() - started)
    return Cost(statistics.median(seconds[2:]), peak_memory(device))


def content_loss(task: Task) -> ContentLoss:
    """Make a row's content loss; beside networks no pixels, which cost nothing."""
    loss = ContentLoss(**NETWORKS[task.name]())
    hardware = hardware_of(task)
    return loss.place(hardware.device, hardware.dtype)


def hardware_of(task: Task) -> Hardware:
    """Make the device and precision of a row."""
    device = resolve_device(task.device)
    return Hardware(device, resolve_precision(task.precision, device))


def noise(task: Task, *shape: int) -> Tensor:
    """Draw images in [-1, 1] of the preset's size."""
    size = preset(task.preset)["networks"].image_size
    return torch.rand(*shape, 3, size, size, device=resolve_device(task.device)) * 2 - 1


def term(task: Task) -> Callable[[], None]:
    """Make a call of the content loss alone."""
    loss, hardware = content_loss(task), hardware_of(task)
    fake, real = noise(task, BATCH).requires_grad_(), noise(task, BATCH)

    def call() -> None:
        with hardware.autocast():
            total = sum(loss(fake, real).values())
        total.backward()

    return call


def step(task: Task) -> Callable[[], None]:
    """Make a call of a whole training step."""
    chosen, hardware = preset(task.preset), hardware_of(task)
    optimization = asdict(chosen["optimization"])
    steps, _ = optimization.pop("discriminator_steps"), optimization.pop("decay")
    models = build_models(100, **asdict(chosen["networks"])).to(hardware.device)
    optimizers = build_optimizers(models, **optimization)
    loss = content_loss(task)
    weights = term_weights(asdict(LossWeights(vgg19_weight=VGG19_WEIGHTS["torchvision"])))
    frames = BATCH, chosen["sources"]
    images = noise(task, *frames), noise(task, *frames), noise(task, BATCH), noise(task, BATCH)
    batch = Episode(torch.arange(BATCH, device=hardware.device), *images)
    return lambda: meta_step(models, optimizers, loss, batch, weights, steps, hardware)


if __name__ == "__main__":
    main()
