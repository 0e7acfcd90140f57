"""Measure models by the paper's protocol, on people whom they have never seen.

python evaluate.py --checkpoint runs/vox --data DATA_TEST --output evaluations/vox
python evaluate.py --checkpoint runs/a runs/b --data DATA_TEST --output evaluations/ab --shots 1 8
"""

import system.waiting  # noqa: F401 - sets how PyTorch's threads wait

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import cli
from config import Evaluate
from dataset.detection.detector import LandmarkDetector
from dataset.detection.kinds import create_detector
from drawn_heads.set import DrawnSet
from evaluation.comparison import Plan, compare
from evaluation.measures import Instruments
from evaluation.models import Contestant, load_contestant
from evaluation.outputs import WRITES, is_evaluation, write_outputs
from evaluation.protocol import Choice, choose_videos
from evaluation.summary import summarize
from evaluation.trial import Settings
from loss.content import ContentLoss, load_content_loss_of
from metric.identity import FaceDescriptor
from metric.perceptual import Lpips
from pretrained.arcface import load_arcface
from pretrained.dlib_resnet import load_dlib_resnet
from pretrained.inception import load_inception
from pretrained.lpips import load_lpips
from pretrained.vggface import load_vggface_descriptor
from system.device import prepare_process, resolve_device, resolve_precision
from system.files import remove_stale
from system.outputs import Input, prepare_folder
from training.hardware import Hardware
from training.inputs import inputs_of_checkpoint
from training.provenance import detectors_of, warn_of_other_detectors

Instrument = TypeVar("Instrument")


def main() -> None:
    config = cli.parse(Evaluate, "evaluate.py")
    _check(config)
    device = resolve_device(config.runtime.device)
    prepare_process(device, config.runtime.threads)
    hardware = Hardware(device, resolve_precision(config.runtime.precision, device))
    contestants = _contestants(config, hardware)
    settings = Settings(
        shots=tuple(sorted(set(config.shots))),
        finetune_steps=config.finetune_steps,
        drawn=DrawnSet.read(config.drawn_heads) if config.drawn_heads else None,
        batch_size=config.batch_size,
        seed=config.seed,
    )
    choice = _choose(config, contestants)
    instruments, left_out = _instruments(config, hardware)
    plan = Plan(
        config.data, choice.videos, config.held_out, contestants[0].image_size,
        config.cross_reenactment,
    )  # fmt: skip
    config.output.mkdir(parents=True, exist_ok=True)
    remove_stale(config.output)
    comparison = compare(contestants, plan, settings, instruments, hardware, config.output)
    steps = "the paper's 40 epochs" if config.finetune_steps is None else config.finetune_steps
    protocol = {
        "models": {one.name: {"step": one.payload["step"]} for one in contestants},
        "videos": len(choice.videos),
        "held_out": config.held_out,
        "image_size": plan.image_size,
        "shots": settings.shots,
        "finetune_steps": steps,
        "seed": config.seed,
        "instruments": instruments.names,
        "left_out": left_out,
        "videos_left_out": choice.left_out,
    }
    print(write_outputs(comparison, summarize(comparison, config.seed), protocol, config.output))
    print(f"{config.output}: metrics.json, table.md, sheets and figures")


def _check(config: Evaluate) -> None:
    """Refuse an output that cannot be written, or only over something of the user's."""
    inputs = [one for path in config.checkpoint for one in inputs_of_checkpoint(path)]
    others = ("data", "drawn_heads", "arcface", "vggface", "vgg19")
    for name, path in ((name, getattr(config, name)) for name in others):
        inputs += [Input(f"--{name.replace('_', '-')}", path)] if path else []
    prepare_folder(config.output, inputs, WRITES, is_evaluation)


def _choose(config: Evaluate, contestants: list[Contestant]) -> Choice:
    """Choose the videos, and say which are left out, and whose landmarks are strange to a model."""
    seen = {video for one in contestants for video in one.seen}
    choice = choose_videos(
        config.data, max(config.shots) + config.held_out, seen if config.people == "unseen" else (),
        config.limit, config.seed,
    )  # fmt: skip
    for reason in sorted(set(choice.left_out.values())):
        videos = [video for video, why in choice.left_out.items() if why == reason]
        more = f" and {len(videos) - 1} more" if len(videos) > 1 else ""
        print(f"left out: {videos[0]}{more}: {reason}")
    for one in contestants:
        learnt = detectors_of(one.payload["config"])
        warn_of_other_detectors(f"--data {config.data}", choice.detectors, one.name, learnt)
    return choice


def _contestants(config: Evaluate, hardware: Hardware) -> list[Contestant]:
    """Load the models, which must draw images of one size."""

    def load_content(trained: Mapping[str, Any]) -> ContentLoss:
        if config.finetune_steps == 0:
            return ContentLoss()  # nothing is learnt
        return load_content_loss_of(trained, config.vgg19, config.vggface)

    contestants = [
        load_contestant(path, load_content, hardware, config.content) for path in config.checkpoint
    ]
    if len({one.digest for one in contestants}) < len(contestants):
        raise ValueError("--checkpoint names a model twice")
    sizes = {one.name: one.image_size for one in contestants}
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise ValueError(f"--checkpoint: models must have images of one size, got {listed}")
    return contestants


def _instruments(config: Evaluate, hardware: Hardware) -> tuple[Instruments, dict[str, str]]:
    """Load what measures, and say of what cannot be had why."""
    left_out: dict[str, str] = {}

    def load(measures: str, loader: Callable[[], Instrument]) -> Instrument | None:
        try:
            return loader()
        except ValueError as error:
            reason = " ".join(str(error).split())
            print(f"{measures}: left out: {reason}")
            left_out.update(dict.fromkeys(measures.split(", "), reason))
            return None

    def load_detector() -> LandmarkDetector:
        if config.detector == "none":
            raise ValueError("--detector none")
        return create_detector(config.detector, str(hardware.device))

    if config.arcface:
        recognition = load_arcface(config.arcface)
    elif config.vggface:
        recognition = load_vggface_descriptor(config.vggface)
    else:
        recognition = load("csim, recognized", load_dlib_resnet)
    instruments = Instruments(
        load("lpips", lambda: Lpips(load_lpips()).to(hardware.device)),
        load("fid", lambda: load_inception().to(hardware.device)),
        FaceDescriptor(recognition).to(hardware.device) if recognition else None,
        load("landmark_error, pose_error, jitter, faces_found, leak", load_detector),
        _digest(config.arcface or config.vggface),
    )
    return instruments, left_out


def _digest(path: Path | None) -> str | None:
    if path is None:
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


if __name__ == "__main__":
    cli.run(main)
