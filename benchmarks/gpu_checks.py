"""What `benchmarks.gpu` measures. Each function is one check: a setting in, flat figures out.

Networks have random weights and pictures are noise, which take as long as real ones. What a bare
machine may lack is imported inside the check that needs it.
"""

import os
import tempfile
import time
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks import train_step
from benchmarks.clock import seconds_each, wait
from benchmarks.launches import where_time_goes
from benchmarks.paper_losses import untrained_content_loss
from benchmarks.train_step import BFLOAT16, ROWS, VIDEOS, WEIGHTS, Task, Ways, make_step
from config import Optimization
from inference.folding import folded
from network.personal_generator import PersonalGenerator
from system.device import resolve_device, resolve_precision
from training.hardware import Hardware
from training.models import build_models

Figures = dict[str, float | str]

PLAIN, LIBRARY = next(iter(ROWS.values())), ROWS[BFLOAT16]
COMPILED = LIBRARY._replace(compile=True)
PEAK, FLOP, RATE = "bf16 products, TFLOP/s", "TFLOP a sample", "samples/s"


class LeftOut(Exception):  # noqa: N818 - no error
    """A check is not done, and why."""


class Sizes(NamedTuple):
    """How large everything is."""

    image_size: int
    width: int
    """Of the networks' first blocks."""
    sources: int
    most: int
    """Videos, pictures or frames of a batch."""
    repeats: int
    steps: int
    """To compare losses over."""
    finetune_steps: int | None
    seconds: float
    """Of the loader."""


PAPER = Sizes(256, 64, 8, 64, 2, 20, None, 5.0)
TINY = Sizes(64, 8, 1, 2, 1, 2, 2, 0.1)


class Setting(NamedTuple):
    """Where and how checks are done."""

    device: str
    tiny: bool
    output: Path
    data: Path | None = None
    """Folder of preprocess.py, to train on."""
    vgg19: Path | None = None
    """Weights to train with, in Caffe's convention."""
    most: int = 64
    """Larger batches are cut to it."""
    seconds: float = 0.0
    """How long the check may take."""
    known: Mapping[str, Figures] = {}
    """What was measured before, by name of the check."""

    @property
    def sizes(self) -> Sizes:
        if self.tiny:
            return TINY
        return PAPER._replace(most=1 if self.device == "cpu" else self.most)

    @property
    def place(self) -> torch.device:
        return resolve_device(self.device)

    @property
    def hardware(self) -> Hardware:
        return Hardware(self.place, resolve_precision("auto", self.place))

    def task(self, ways: Ways, batch: int) -> Task:
        """Describe a training step."""
        sizes, bfloat16 = self.sizes, self.hardware.dtype == torch.bfloat16
        ways = ways._replace(bfloat16=ways.bfloat16 and bfloat16, backend=self.backend)
        return Task(
            ways, self.device, 0, sizes.image_size, sizes.sources, min(batch, sizes.most), 2,
            sizes.repeats, sizes.width,
        )  # fmt: skip

    @property
    def backend(self) -> str:
        """What compiles; the tiny form goes through the motions only."""
        return "eager" if self.tiny else "inductor"

    def noise(self, *shape: int) -> Tensor:
        """Images (*shape, 3, H, W) in [-1, 1]."""
        size = self.sizes.image_size
        return torch.rand(*shape, 3, size, size, device=self.place) * 2 - 1


def machine(setting: Setting) -> Figures:
    """Name the device, measure its matrix units, and count what a sample costs."""
    place = setting.place
    figures: Figures = {"torch": torch.__version__, "cores": os.cpu_count() or 1}
    if place.type == "cuda":
        facts = torch.cuda.get_device_properties(place)
        figures |= {"device": facts.name, "memory, GB": facts.total_memory / 1e9}
    dtype = torch.bfloat16 if place.type == "cuda" else setting.hardware.dtype
    if not setting.tiny:  # its products are too large
        figures[PEAK] = train_step.matrix_peak(setting.device, 0, dtype) / 1e12
    return figures | {FLOP: train_step.flop_per_sample(setting.task(PLAIN, 1)) / 1e12}


def step(setting: Setting, ways: Ways, batch: int) -> Figures:
    """Time a training step."""
    task = setting.task(ways, batch)
    seconds, memory, first = train_step.measure(task)
    rate = task.batch_size / seconds
    figures: Figures = {"batch": task.batch_size, RATE: rate, "ms": 1e3 * seconds}
    figures |= {"memory, GB": memory / 1e9, "first step, s": first}
    known = setting.known.get("machine", {})
    if FLOP in known:
        figures["TFLOP/s"] = rate * known[FLOP]
    if PEAK in known:
        figures["of the peak, %"] = 100 * rate * known[FLOP] / known[PEAK]
    return figures


def profile(setting: Setting, ways: Ways, batch: int) -> Figures:
    """Tell where the time of a training step goes."""
    call = make_step(setting.task(ways, batch))
    return where_time_goes(call, setting.place, setting.sizes.repeats)


def parity(setting: Setting) -> Figures:
    """Hold the losses of some steps, compiled, against those of the same steps that are not.

    An earlier check has compiled the same, so that the first step shows what the cache spares.
    """
    runs, starting = [], 0.0
    for ways in (LIBRARY, COMPILED):
        call, started = make_step(setting.task(ways, 32)), time.perf_counter()
        runs.append([as_numbers(call())])
        starting = time.perf_counter() - started
        runs[-1] += [as_numbers(call()) for _ in range(1, setting.sizes.steps)]
        del call
    names = [name for name in runs[0][0] if name in {*WEIGHTS, "discriminator"}]
    figures: Figures = {"steps": setting.sizes.steps, "first step from the cache, s": starting}
    for number, when in ((0, "first"), (-1, "last")):
        pairs = [[run[number][name] for run in runs] for name in names]
        figures[f"largest relative difference, {when} step"] = max(
            abs(a - b) / max(abs(a), 1e-3) for a, b in pairs
        )
        for name, (plain, compiled) in zip(names, pairs, strict=True):
            figures[f"{name}, {when}"] = f"{plain:.4g}, compiled {compiled:.4g}"
    return figures


def as_numbers(losses: Mapping[str, Tensor]) -> dict[str, float]:
    """Read losses from the device."""
    return {name: value.item() for name, value in losses.items()}


def animate(setting: Setting, batch: int, compiled: bool) -> Figures:
    """Count the frames that a head draws in a second, landmark images given."""
    sizes, place = setting.sizes, setting.place
    generator = build_models(
        1, image_size=sizes.image_size, channels=sizes.width, max_channels=8 * sizes.width
    ).generator
    head = PersonalGenerator(generator, torch.randn(1, generator.style_size)).to(place).eval()
    landmarks = setting.noise(min(batch, sizes.most)).contiguous(memory_format=torch.channels_last)
    figures: Figures = {}
    for precision in (torch.bfloat16, torch.float16):
        network = folded(head, precision).to(memory_format=torch.channels_last)
        if compiled:
            mode = None if setting.tiny else "reduce-overhead"  # with CUDA graphs
            network.compile(dynamic=False, backend=setting.backend, mode=mode)
        with torch.no_grad(), torch.autocast(place.type, precision):
            seconds = seconds_each(partial(network, landmarks), place, 25 * sizes.repeats)
        name = str(precision).removeprefix("torch.")
        figures[f"{name}, frames/s"] = len(landmarks) / seconds
    return figures


def fine_tune(setting: Setting, shots: int) -> Figures:
    """Fit a model to T pictures with the paper's number of steps."""
    from training.finetuning import Learning, finetune, initial_person

    sizes, place = setting.sizes, setting.place
    torch.manual_seed(0)
    models = build_models(
        VIDEOS, image_size=sizes.image_size, channels=sizes.width, max_channels=8 * sizes.width
    ).to(place)
    content = untrained_content_loss().place(place, setting.hardware.dtype)
    shots = min(shots, sizes.most) if setting.tiny else shots
    pictures = [setting.noise(shots) for _ in range(2)]
    person = initial_person(models, *pictures, models.video_embeddings.mean_norm(), 2.0)
    learning = Learning.as_trained(asdict(Optimization()), sizes.finetune_steps, 8, 0)
    wait(place)
    started = time.perf_counter()
    steps = finetune(
        person, *pictures, content, WEIGHTS, learning, setting.hardware, progress=False
    )
    wait(place)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "steps": steps, "ms a step": 1e3 * seconds / steps}


def find_landmarks(setting: Setting) -> Figures:
    """Hold face-alignment's networks, as preprocessing uses them, against its public call."""
    import numpy as np

    from benchmarks.public_call import public_call
    from dataset.detection.face_alignment import FaceAlignmentDetector
    from tests.dataset.faces import random_weights, say_faces

    count, size = (1, 64) if setting.tiny else (64, 224)  # VoxCeleb's
    frames = list(np.random.default_rng(0).integers(0, 255, (count, size, size, 3), np.uint8))
    places = [(Path("film"), number) for number in range(count)]
    figures: Figures = {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TORCH_HOME"] = folder
        random_weights(Path(folder))
        call = public_call(setting.device)
        few = min(count, 8)
        seconds = seconds_each(
            lambda: [call(*places[0], frame) for frame in frames[:few]], setting.place, 1, warm=1
        )
        figures["public call, frames/s"] = few / seconds
        for precision in ("float32", "bfloat16"):
            detector = FaceAlignmentDetector(setting.device, precision=precision)
            say_faces(detector)
            near = [None] * count
            for what in ("finding", "following"):
                job = partial(detector.detect, frames, places, near)
                near = list(job())
                seconds = seconds_each(job, setting.place, 1, warm=0)
                figures[f"{what}, {precision}, frames/s"] = count / seconds
    return figures


def load(setting: Setting) -> Figures:
    """Count the samples that the loader makes, and the cores that the fastest step wants."""
    from benchmarks.loader import measure, write_records
    from dataset.episodes import VoxCelebDataset

    sizes = setting.sizes
    frames, videos = sizes.sources + 1, 2 if setting.tiny else 64
    options = Namespace(
        image_size=sizes.image_size, frames_per_video=frames, videos=videos,
        batch_size=min(8, sizes.most), seconds=sizes.seconds,
    )  # fmt: skip
    workers = 0 if setting.tiny else min(8, os.cpu_count() or 1)
    with tempfile.TemporaryDirectory() as folder:
        write_records(Path(folder), options)
        dataset = VoxCelebDataset(Path(folder), sizes.sources, sizes.image_size)
        rate = measure(dataset, workers, options)
    each = rate / max(workers, 1)
    figures: Figures = {"workers": workers, "samples/s loaded": rate, "of one core": each}
    needed = max((known.get(RATE, 0) for known in setting.known.values()), default=0)
    return figures | {"samples/s of the fastest step": needed, "cores it needs": needed / each}
