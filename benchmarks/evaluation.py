"""How long does the paper's protocol take? Its parts are measured and multiplied.

    python -m benchmarks.evaluation                  # the paper's networks, on the CPU
    python -m benchmarks.evaluation --device cuda

50 videos, 32 hold-out frames, T = 1, 8 and 32, fine-tuning of 40, 40 and 160 steps: what
`evaluate.py --limit 50` does for one model. All networks have the paper's sizes and random
weights, which take as long as trained ones.
"""

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import alexnet, inception_v3, vgg16

from benchmarks.clock import wait
from benchmarks.paper_losses import untrained_content_loss
from dataset.detection.kinds import create_detector
from evaluation.measures import Frames, Instruments, likeness
from evaluation.models import draw
from evaluation.protocol import PAPER_HELD_OUT, PAPER_SHOTS, PAPER_VIDEOS
from evaluation.trial import CURVE
from metric.frechet import frechet_distance
from metric.identity import FaceDescriptor
from metric.perceptual import Lpips
from pretrained.inception import INCEPTION, load_inception
from pretrained.lpips import ALEXNET, load_lpips
from pretrained.vggface import VggFace
from system.device import resolve_device, resolve_precision
from tests.dataset.conftest import face_points
from tests.dataset.faces import random_weights, say_faces
from training.finetuning import PAPER_BATCH, Learning, finetune, initial_person, paper_steps
from training.hardware import Hardware
from training.models import build_models

SIZE, BATCH = 256, 8
METHODS, MOTIONS = 2, 2  # feed-forward and fine-tuned; absolute and relative
BASELINES = 2
LEARNING = Learning(1, PAPER_BATCH, 5e-5, 2e-4, (0.0, 0.999), 1e-5, 0.0, 2, 0)
WEIGHTS = {"vgg19": 10.0, "vggface": 0.025, "adversarial": 1.0, "feature_matching": 10.0}


class Part(NamedTuple):
    """Something that the protocol does many times."""

    name: str
    count: float
    seconds: float
    tera_flop: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="auto", choices=["auto", "float32", "bfloat16"])
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    device = resolve_device(options.device)
    hardware = Hardware(device, resolve_precision(options.precision, device))
    parts = [*of_the_model(hardware, options.repeats), *of_the_measures(hardware, options.repeats)]

    print(f"{device}, {torch.get_num_threads()} threads, {hardware.dtype}\n")
    print("| part | times | seconds each | TFLOP each | minutes in all |")
    print("|---|---|---|---|---|")
    for part in parts:
        minutes = part.count * part.seconds / 60
        print(
            f"| {part.name} | {part.count:,.0f} | {part.seconds:.4f} | {part.tera_flop:.3f} "
            f"| {minutes:.1f} |"
        )
    hours = sum(part.count * part.seconds for part in parts) / 3600
    peta = sum(part.count * part.tera_flop for part in parts) / 1000
    print(f"\nin all: {hours:.2f} hours, {peta:.2f} PFLOP in layers that are counted")
    if device.type == "cuda":
        print(f"peak memory of the GPU: {torch.cuda.max_memory_allocated() / 1e9:.1f} GB")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"peak memory of the process: {peak / 1e6:.1f} GB")


def of_the_model(hardware: Hardware, repeats: int) -> list[Part]:
    """Embedding, drawing and fine-tuning, at the paper's size."""
    models = build_models(1).to(hardware.device)
    content = untrained_content_loss().place(hardware.device, hardware.dtype)
    images = torch.rand(BATCH, 3, SIZE, SIZE, device=hardware.device) * 2 - 1
    person = initial_person(models, images, images, 12.0, 2.0)
    drawn = torch.zeros(BATCH, 3, SIZE, SIZE, dtype=torch.uint8)

    def embed() -> None:
        with torch.no_grad():
            models.embedder.embed_video(images[None], images[None])

    def paint() -> None:
        draw(person.head.requires_grad_(False), drawn, BATCH, hardware)
        person.head.requires_grad_(True)

    def learn(batch: int) -> Callable[[], None]:
        shown = images[:batch]
        return lambda: finetune(
            person, shown, shown, content, WEIGHTS, LEARNING, hardware, progress=False
        )

    frames = PAPER_VIDEOS * PAPER_HELD_OUT
    shots = PAPER_VIDEOS * sum(PAPER_SHOTS)
    watched = sum(step <= paper_steps(shots) for shots in PAPER_SHOTS for step in CURVE)
    pictures = frames * (METHODS * len(PAPER_SHOTS) + METHODS * MOTIONS + watched)
    steps = dict.fromkeys((1, 8), 0)
    for number in PAPER_SHOTS:
        steps[min(number, PAPER_BATCH)] += PAPER_VIDEOS * paper_steps(number)
    jobs = (
        ("embed a picture", shots, embed, BATCH),
        ("draw a frame", pictures, paint, BATCH),
        ("fine-tuning step, 1 picture", steps[1], learn(1), 1),
        ("fine-tuning step, 8 pictures", steps[8], learn(8), 1),
    )
    return [measure(*job, hardware, repeats) for job in jobs]


def of_the_measures(hardware: Hardware, repeats: int) -> list[Part]:
    """Every measure of one frame, with networks of the real sizes."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["TORCH_HOME"] = home
        random_weights(Path(home))
        hub = Path(home) / "hub" / "checkpoints"
        torch.save(alexnet().state_dict(), hub / Path(ALEXNET).name)
        shape = inception_v3(aux_logits=False, num_classes=1008, init_weights=False)
        torch.save(shape.state_dict(), hub / Path(INCEPTION).name)
        detector = create_detector("face-alignment", str(hardware.device))
        say_faces(detector)
        instruments = Instruments(
            Lpips(load_lpips()).to(hardware.device),
            load_inception().to(hardware.device),
            FaceDescriptor(VggFace(vgg16(init_weights=False).state_dict())).to(hardware.device),
            detector,
        )
    images = torch.rand(BATCH, 3, SIZE, SIZE, device=hardware.device) * 2 - 1
    landmarks = np.repeat(face_points(SIZE / 2, SIZE / 2, SIZE / 3)[None], BATCH, 0)
    landmarks = landmarks.astype(np.float32)

    def frames(instruments: Instruments) -> Frames:
        return Frames(images, landmarks, instruments, BATCH)

    shown = PAPER_VIDEOS * PAPER_HELD_OUT
    own = shown * (METHODS + BASELINES) * len(PAPER_SHOTS)
    cross = shown * METHODS * MOTIONS
    watched = shown * sum(step <= paper_steps(shots) for shots in PAPER_SHOTS for step in CURVE)
    features = torch.rand(shown, 2048)
    none = Instruments()
    jobs = (
        ("SSIM, PSNR, L1", own + watched, lambda: likeness(frames(none), frames(none)), BATCH),
        ("LPIPS", own + watched, lambda: instruments.lpips(images, images), BATCH),
        ("Inception", own + shown, lambda: frames(instruments).features, BATCH),
        ("VGGFace descriptor", own + cross, lambda: frames(instruments).descriptors, BATCH),
        ("face-alignment", own + cross, lambda: frames(instruments).found, BATCH),
        ("FID of 1,600 frames", (METHODS + BASELINES) * len(PAPER_SHOTS),
            lambda: frechet_distance(features, features), 1),
    )  # fmt: skip
    return [measure(*job, hardware, repeats) for job in jobs]


def measure(
    name: str, count: float, job: Callable[[], object], items: int, hardware: Hardware, repeats: int
) -> Part:
    """Time a job on `items` things: the fastest of some repeats, after one that is not counted."""
    with FlopCounterMode(display=False) as counter:
        job()
    best = float("inf")
    for _ in range(repeats):
        wait(hardware.device)
        started = time.perf_counter()
        job()
        wait(hardware.device)
        best = min(best, time.perf_counter() - started)
    return Part(name, count, best / items, counter.get_total_flops() / items / 1e12)


if __name__ == "__main__":
    main()
