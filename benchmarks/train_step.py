"""How fast is a training step, and what does each way to make it faster bring?

    python -m benchmarks.train_step                         # the paper's sizes, on the CPU
    python -m benchmarks.train_step --device cuda --batch-sizes 32
    python -m benchmarks.train_step --device cuda --batch-sizes 8 64 --only "+ compiled"

Starts from a plain float32 step, with PyTorch's own spectral norm and blocks that compute what the
paper says and nothing else, and adds one thing after the other. Content losses are VGG19 and
VGGFace with random weights, which take as long as trained ones.
TFLOP/s are those of the plain step's convolutions and matrix products, so that a way to need fewer
of them counts as speed; the peak is the best that products reach on the same device, in bfloat16
where it has units for it. Where not, the rows that bring nothing there are left out.
Every line is measured in a process of its own, so that its peak of memory is its own.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.apart import apart
from benchmarks.clock import wait
from benchmarks.paper_losses import untrained_content_loss
from benchmarks.plain_blocks import use_plain_blocks
from dataset.episode import Episode
from loss.content import ContentLoss
from network.spectral_norm import EPS, SpectralNorm
from system.device import resolve_device, resolve_precision, set_threads
from system.memory import keep_freed_memory
from training.compilation import compile_networks
from training.hardware import Hardware
from training.health import peak_memory
from training.models import Models, build_models, build_optimizers, layout
from training.steps import Losses, meta_step

WEIGHTS = {"vgg19": 10.0, "vggface": 2.5e-2, "adversarial": 1.0, "feature_matching": 10.0}
WEIGHTS["matching"] = 10.0
RATES = {"generator_lr": 5e-5, "discriminator_lr": 2e-4, "beta1": 0.0, "beta2": 0.999, "eps": 1e-5}
VIDEOS = 1000


class Ways(NamedTuple):
    """What is switched on; nothing is the plain step."""

    rearranged: bool = False
    """The library's blocks, in place of `benchmarks.plain_blocks`."""
    joint_judgement: bool = False
    one_iteration: bool = False
    fused: bool = False
    channels_last: bool = False
    keep_memory: bool = False
    bfloat16: bool = False
    cudnn_benchmark: bool = False
    compile: bool = False
    parts: int = 1
    checkpoint_embedder: bool = False
    cuda_graphs: bool = False
    """What is compiled is replayed as CUDA graphs."""
    backend: str = "inductor"
    """What compiles."""


class Task(NamedTuple):
    """One line of the table."""

    ways: Ways
    device: str
    threads: int
    image_size: int
    sources: int
    batch_size: int
    discriminator_steps: int
    repeats: int
    width: int = 64
    """Of the networks' first blocks; the deepest have eight times as much."""


KEPT, BFLOAT16, CUDNN = "+ freed memory is kept", "+ bfloat16", "+ cuDNN's fastest algorithms"
ADDED = (
    "plain float32",
    "+ the library's blocks: same values, fewer passes",
    "+ [real, fake] in one pass of D",
    "+ one power iteration per update",
    "+ fused Adam",
    "+ channels last",
    KEPT,
    BFLOAT16,
    CUDNN,
    "+ compiled",
)
ROWS = {name: Ways(*[True] * count) for count, name in enumerate(ADDED)}  # in the fields' order
EAGER = ROWS[CUDNN]  # these need not be compiled to show what they save
ROWS |= {
    "not compiled, a checkpointed embedder": EAGER._replace(checkpoint_embedder=True),
    "not compiled, in 4 parts": EAGER._replace(parts=4),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--image-size", type=int, default=256)
    parser.add_argument("--sources", type=int, default=8, help="K")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--discriminator-steps", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--only", nargs="+", default=list(ROWS), choices=ROWS, metavar="ROW", help="names of rows"
    )
    options = parser.parse_args()
    common = (options.device, options.threads, options.image_size, options.sources)
    rest = (options.discriminator_steps, options.repeats)

    dtype = resolve_precision("auto", resolve_device(options.device))
    useless = {BFLOAT16} if dtype == torch.float32 else set()
    useless |= {CUDNN} if options.device == "cpu" else {KEPT}
    peak = apart(matrix_peak, options.device, options.threads, dtype)
    flop = apart(flop_per_sample, Task(Ways(), *common, 1, *rest))
    print(f"{options.device}, {options.image_size} pixels, K = {options.sources}, ", end="")
    print(f"{options.discriminator_steps} updates of D: {flop / 1e12:.2f} TFLOP a sample")
    print(f"{str(dtype).removeprefix('torch.')} products reach {peak / 1e12:.2f} TFLOP/s\n")
    print(
        "| batch | step | samples/s | of the first | TFLOP/s | of the peak | peak memory, GB "
        "| first step, s |\n|---|---|---|---|---|---|---|---|",
        flush=True,
    )
    for batch in options.batch_sizes:
        first = None
        for name in options.only:
            ways = ROWS[name]
            ways = ways._replace(bfloat16=ways.bfloat16 and dtype == torch.bfloat16)
            if batch % ways.parts or name in useless:
                continue
            seconds, memory, starting = apart(measure, Task(ways, *common, batch, *rest))
            rate = batch / seconds
            first = first or rate
            print(
                f"| {batch} | {name} | {rate:.3g} | {rate / first:.2f} | {rate * flop / 1e12:.2f} "
                f"| {100 * rate * flop / peak:.0f} % | {memory / 1e9:.1f} | {starting:.0f} |",
                flush=True,
            )


def measure(task: Task) -> tuple[float, float, float]:
    """Seconds of a step, the median of some, the bytes of memory at its peak, the first's seconds.

    On a GPU several steps are timed as one, for as in training the next one is prepared meanwhile.
    """
    step, device = make_step(task), resolve_device(task.device)
    started = time.perf_counter()
    step()  # compiles, and lays out the optimisers' memory
    wait(device)
    starting = time.perf_counter() - started
    step()
    together = 1 if device.type == "cpu" else 4
    seconds = []
    for _ in range(task.repeats):
        wait(device)
        started = time.perf_counter()
        for _ in range(together):
            step()
        wait(device)
        seconds.append((time.perf_counter() - started) / together)
    return statistics.median(seconds), peak_memory(device), starting


def flop_per_sample(task: Task) -> float:
    """Floating-point operations of the convolutions and matrix products of one sample's step."""
    step = make_step(task)
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops()


def matrix_peak(device: str, threads: int, dtype: torch.dtype) -> float:
    """The most operations a second of a matrix product or 3x3 convolution of usual sizes."""
    set_threads(threads)
    place = resolve_device(device)
    best = 0.0
    side, batch = (2048, 2) if device == "cpu" else (8192, 16)
    a, b = (torch.randn(side, side, device=place, dtype=dtype) for _ in range(2))
    maps = torch.randn(batch, 512, 64, 64, device=place, dtype=dtype)
    maps = maps.to(memory_format=torch.channels_last)
    kernel = torch.randn(512, 512, 3, 3, device=place, dtype=dtype)
    kernel = kernel.to(memory_format=torch.channels_last)
    for job, flop in (
        (lambda: a @ b, 2 * side**3),
        (lambda: F.conv2d(maps, kernel, padding=1), 2 * 9 * 512 * maps.numel()),
    ):
        for _ in range(6):
            wait(place)
            started = time.perf_counter()
            job()
            wait(place)
            best = max(best, flop / (time.perf_counter() - started))
    return best


def make_step(task: Task) -> Callable[[], Losses]:
    """One step of meta-learning on noise, the networks of the paper's widths."""
    return step_of(task, *make_networks(task))


def make_networks(task: Task) -> tuple[Models, ContentLoss]:
    """The networks of a step and its content loss, on the task's device."""
    ways, device = task.ways, resolve_device(task.device)
    set_threads(task.threads)
    if ways.keep_memory and device.type == "cpu":
        keep_freed_memory()
    torch.backends.cudnn.benchmark = ways.cudnn_benchmark
    torch.manual_seed(0)
    if not ways.rearranged:
        use_plain_blocks()
    models = build_models(
        VIDEOS, image_size=task.image_size, channels=task.width, max_channels=8 * task.width
    )
    if not ways.one_iteration:
        use_pytorchs_norms(models)
    models.to(device, channels_last=ways.channels_last)
    content = untrained_content_loss()
    dtype = torch.bfloat16 if ways.bfloat16 else torch.float32
    content.place(device, dtype, layout(ways.channels_last))
    if ways.compile:
        compile_networks(models, content, ways.backend, ways.cuda_graphs)
    return models, content


def step_of(task: Task, models: Models, content: ContentLoss) -> Callable[[], Losses]:
    """A step of given networks."""
    ways, device = task.ways, resolve_device(task.device)
    optimizers = build_optimizers(models, **RATES, fused=ways.fused)
    hardware = Hardware(
        device,
        torch.bfloat16 if ways.bfloat16 else torch.float32,
        parts=ways.parts,
        joint_judgement=ways.joint_judgement,
        checkpoint_embedder=ways.checkpoint_embedder,
    )

    def noise(*shape: int) -> Tensor:
        return torch.rand(*shape, 3, task.image_size, task.image_size, device=device) * 2 - 1

    frames = task.batch_size, task.sources
    images = noise(*frames), noise(*frames), noise(task.batch_size), noise(task.batch_size)
    batch = Episode(torch.arange(task.batch_size, device=device), *images)
    steps = task.discriminator_steps

    def step() -> Losses:
        torch.compiler.cudagraph_mark_step_begin()  # CUDA graphs need it: see compile_networks
        return meta_step(models, optimizers, content, batch, WEIGHTS, steps, hardware)

    return step


def use_pytorchs_norms(models: Models) -> None:
    """Replace every spectral norm by PyTorch's own."""
    for network in models[:3]:
        for layer in list(network.modules()):
            if parametrize.is_parametrized(layer, "weight"):
                (norm,) = layer.parametrizations.weight
                assert isinstance(norm, SpectralNorm)
                parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
                spectral_norm(layer, eps=EPS)


if __name__ == "__main__":
    main()
