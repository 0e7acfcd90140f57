"""Meta-learn a talking-head model, or fit one to a person.

python train.py --data DATA --run runs/vox
torchrun --nproc-per-node 8 -- train.py --data DATA --run runs/vox
python train.py finetune --checkpoint runs/vox --source photos/ --output heads/me.pt
python train.py export --checkpoint runs/vox --output vox.pt
"""

import system.waiting  # noqa: F401 - sets how PyTorch's threads wait

import json
import math
import signal
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

import cli
from config import PRESETS, VGG19_WEIGHTS, Export, Finetune, Train
from dataset.episodes import VoxCelebDataset
from dataset.preparation.person import inputs_of_person
from drawn_heads.pictures import pictures_of_head
from loss.content import (
    choose_face_features,
    load_content_loss,
    stored_face_features,
    stored_vgg19,
    with_content,
)
from network.spectral_norm import iterate_at_every_forward
from pretrained.vgg19 import TAPS
from system.device import prepare_process, resolve_device, resolve_precision
from system.files import replacing
from system.outputs import Input, prepare_file, prepare_folder
from talking_head import TalkingHead
from talking_head.onnx import ONNX
from talking_head.onnx_export import export_onnx
from training.checkpoint import config_of_run, is_run, load, save_model
from training.compilation import compile_networks, obstacle_to_compiling
from training.distributed import from_first, joined, leave, rank, ranks
from training.hardware import Hardware
from training.inputs import CHECKPOINT_SUFFIX, inputs_of_checkpoint
from training.loops import WRITES, MetaLearning, Schedule
from training.models import build_models, build_optimizers, layout
from training.steps import term_weights

COMPARED_PICTURES, COMPARED_FRAMES = 8, 100  # of what is exported to ONNX


def main() -> None:
    arguments = sys.argv[1:]
    named = arguments and arguments[0] in ("meta", "finetune", "export")
    command = arguments.pop(0) if named else "meta"
    if command == "finetune":
        finetune_person(cli.parse(Finetune, "train.py finetune", arguments))
    elif command == "export":
        export(cli.parse(Export, "train.py export", arguments))
    else:
        config = cli.parse(Train, "train.py", arguments, PRESETS)
        with joined(resolve_device(config.runtime.device), config.process_timeout) as device:
            status, together = meta_learn(config, device), ranks() > 1
        if together:
            leave(status)
        sys.exit(status)


def meta_learn(config: Train, device: torch.device) -> int:
    """Train, or go on training, the run that the config names; give the exit status."""
    from_first(lambda: _prepare_run(config))
    config = from_first(lambda: _settled(config))
    speed = config.speed
    torch.backends.cudnn.benchmark = speed.cudnn_benchmark
    hardware = _hardware(config.runtime, device)._replace(
        workers=config.workers,
        parts=speed.accumulate,
        joint_judgement=speed.joint_judgement,
        checkpoint_embedder=speed.checkpoint_embedder,
    )
    dataset = VoxCelebDataset(
        config.data, config.sources, config.networks.image_size, config.seed, config.augmentation,
        config.overfit, config.mix,
    )  # fmt: skip
    torch.manual_seed(config.seed)
    models = build_models(len(dataset), **asdict(config.networks))
    models.to(device, config.video_embeddings_on_cpu, speed.channels_last)
    if speed.power_iteration_per_forward:
        iterate_at_every_forward(*models)
    content_loss = load_content_loss(
        config.content, config.vgg19_convention, config.vgg19, config.face_features, config.vggface
    )
    if 0 < len(content_loss.layers) < len(TAPS):
        _say(
            f"--vgg19 {config.vgg19} ends early: {len(content_loss.layers)} of the paper's "
            f"{len(TAPS)} layers are compared, {', '.join(content_loss.layers)}"
        )
    content_loss.place(device, hardware.dtype, layout(speed.channels_last))
    optimization = asdict(config.optimization)
    discriminator_steps, decay = (optimization.pop(k) for k in ("discriminator_steps", "decay"))
    episodes = len(dataset.lengths) * dataset.lengths[0]  # of an epoch
    epoch = -(-episodes // (ranks() * config.batch_size))  # steps
    steps = config.epochs * epoch if config.steps is None else config.steps
    plain = _plain(asdict(config))
    plain |= {"data": dataset.settings, "mix_data": dataset.mix_settings}
    plain["vgg19_layers"] = content_loss.layers
    learning = MetaLearning(
        dataset,
        models,
        build_optimizers(models, **optimization, fused=speed.fused_optimizer),
        content_loss,
        term_weights(asdict(config.weights)),
        Schedule(
            steps, config.batch_size, discriminator_steps, decay, config.matching_warmup,
            config.ema, config.log_every, config.sample_every, config.save_every, config.keep,
        ),
        hardware,
        config.run,
        plain,
        config.skip_damaged,
    )  # fmt: skip
    if _should_compile(speed.compile, device):
        compile_networks(models, content_loss)  # after their averages were copied from them
    if learning.resume():
        _say(f"going on from step {learning.step} of {config.run}")
    elif config.start_from is not None:
        payload = from_first(lambda: _load_alike(config.start_from, plain["networks"]))
        learning.start_from(payload, config.start_from)
        _say(f"starting from step {payload['step']} of {config.start_from}")
    from_first(lambda: _write_config(config.run, plain))
    stopped_by = learning.learn()
    if learning.skipped:
        _say(f"{len(learning.skipped)} videos left out: {', '.join(sorted(learning.skipped))}")
    if stopped_by is not None:
        name = signal.Signals(stopped_by).name
        _say(f"{name}: saved at step {learning.step}; the same command goes on from there")
        return 128 + stopped_by
    _say(f"{config.run}: {learning.step} steps done")
    return 0


def _prepare_run(config: Train) -> None:
    """Refuse a run that cannot be written, or only over something of the user's."""
    inputs = [Input("--data", config.data)]
    inputs += [Input("--mix", config.mix)] if config.mix else []
    inputs += _inputs_of_weights(config)
    if config.start_from:
        inputs += inputs_of_checkpoint(config.start_from, "--start-from")
    prepare_folder(config.run, inputs, WRITES, is_run, option="--run")


def _settled(config: Train) -> Train:
    """Settle what depends on other options, and on what the run has had so far."""
    stored = config_of_run(config.run)
    if stored and "vgg" in config.content and "vgg" in stored["content"]:
        begun, _ = stored_vgg19(stored)
        if begun != config.vgg19_convention:
            raise ValueError(f"--vgg19-convention: {config.run} was begun with {begun}, go on so")
    weights = config.weights
    if weights.vgg19_weight is None:
        weights = replace(weights, vgg19_weight=VGG19_WEIGHTS[config.vgg19_convention])
    elif "vgg" in config.content:
        _warn_of_strange_weight(weights.vgg19_weight, config.vgg19_convention)
    return replace(config, weights=weights, face_features=_face_features(config, stored))


def _warn_of_strange_weight(weight: float, convention: str) -> None:
    """Say where a weight of VGG19 fits the other convention, whose activations differ 100 times."""
    if weight <= 0:
        return
    other = next(name for name in VGG19_WEIGHTS if name != convention)
    away, nearer = (abs(math.log(weight / VGG19_WEIGHTS[name])) for name in (convention, other))
    if nearer < away:
        print(
            f"warning: --vgg19-weight {weight:g} fits {other}'s VGG19 (about "
            f"{VGG19_WEIGHTS[other]:g}), not {convention}'s (about {VGG19_WEIGHTS[convention]:g})",
            file=sys.stderr,
        )


def _face_features(config: Train, stored: dict[str, Any] | None) -> str:
    """Settle what auto stands for, and say it; a run goes on with what is stored of it."""
    chosen = config.face_features
    if chosen == "auto":
        chosen = choose_face_features(config.content, config.vggface)
        if stored and chosen != "vggface":
            chosen = stored_face_features(stored)
    if chosen == "none" and config.content != "l1":
        print(
            "warning: the content loss has no face features, so likeness will suffer: give "
            "--vggface FILE, or --face-features dlib (pip install face-recognition-models)",
            file=sys.stderr,
        )
    elif chosen != "none":
        print(f"face features of the content loss: {chosen}")
    return chosen


def _inputs_of_weights(config: Train | Finetune) -> list[Input]:
    files = {"--vgg19": config.vgg19, "--vggface": config.vggface}
    return [Input(option, path) for option, path in files.items() if path]


def _load_alike(path: Path, networks: dict[str, Any]) -> dict[str, Any]:
    """Load what a run or model has learnt; its networks must be configured like these."""
    payload = load(path, "run", "model")
    theirs = payload["config"]["networks"]
    different = [f"{key} {theirs.get(key)}" for key in networks if theirs.get(key) != networks[key]]
    if different:
        raise ValueError(f"{path} was trained with {', '.join(different)}: ask for the same")
    learnt = {"discriminator": payload["networks"]["discriminator"]}  # W stays with its people
    return {"step": payload["step"], "average": payload["average"], "networks": learnt}


def _should_compile(choice: str, device: torch.device) -> bool:
    """On, or auto on a GPU where compiling works; what is in its way is said."""
    if choice == "auto" and device.type == "cuda":
        obstacle = obstacle_to_compiling(device)
        if obstacle:
            _say(f"going on without compiling, which fails here: {obstacle}")
        return obstacle is None
    return choice == "on"


def finetune_person(config: Finetune) -> None:
    """Fit the checkpoint to one person and write the head."""
    inputs = [*inputs_of_checkpoint(config.checkpoint), *inputs_of_person(config.source)]
    inputs += _inputs_of_weights(config)
    prepare_file(config.output, inputs, [CHECKPOINT_SUFFIX])
    prepare_process(resolve_device(config.runtime.device), config.runtime.threads)
    head = TalkingHead.from_pictures(
        config.checkpoint, config.source, shots=config.shots, detector=config.detector,
        face=config.face, crop=config.crop, seed=config.seed, device=config.runtime.device,
        precision=config.runtime.precision,
    )  # fmt: skip
    learnt = head.finetune(
        steps=config.steps, batch_size=config.batch_size, generator_lr=config.generator_lr,
        discriminator_lr=config.discriminator_lr, identity_rescale=config.identity_rescale,
        content=config.content, vgg19=config.vgg19, vggface=config.vggface, seed=config.seed,
        progress=True,
    )  # fmt: skip
    head.save(config.output)
    print(f"{config.output}: {learnt.steps} steps on {learnt.pictures} pictures")
    for name, before in learnt.before.items():
        after = learnt.after[name]
        print(f"{name} on {learnt.aside} other pictures: {before:.4f} -> {after:.4f}")


def export(config: Export) -> None:
    """Write a run's networks, or a head or model in ONNX, into one small file."""
    in_onnx = config.format == "onnx"
    prepare_file(
        config.output, inputs_of_checkpoint(config.checkpoint),
        [ONNX if in_onnx else CHECKPOINT_SUFFIX],
    )  # fmt: skip
    if in_onnx:
        _export_onnx(config)
        return
    payload = load(config.checkpoint, "run")
    payload["config"] = with_content(payload["config"], config.content)
    save_model(payload, config.output)
    size = config.output.stat().st_size / 1e6
    print(f"{config.output}: the model of step {payload['step']}, {size:.1f} MB")


def _export_onnx(config: Export) -> None:
    """Write a head or model in ONNX, and say how far it is from the one in PyTorch."""
    if config.content is not None:
        raise ValueError("--content is for a model, which can be fine-tuned, not for ONNX")
    exported = export_onnx(config.checkpoint, config.output)
    size = config.output.stat().st_size / 1e6
    print(f"{config.output}: a {exported.kind} of {exported.image_size} pixels, {size:.1f} MB")
    person = pictures_of_head(COMPARED_PICTURES, exported.image_size)
    try:
        away = exported.difference(person, COMPARED_FRAMES)
    except ValueError as error:
        print(f"not compared with PyTorch: {error}")
        return
    what = f"{COMPARED_FRAMES} frames in the poses of a drawn head"
    if exported.kind == "model":
        what += f", made from {COMPARED_PICTURES} pictures of it"
    print(f"greatest difference from PyTorch on {what}, in [-1, 1]: {away:.1e}")


def _hardware(runtime: Any, device: torch.device) -> Hardware:
    prepare_process(device, runtime.threads)
    return Hardware(device, resolve_precision(runtime.precision, device))


def _say(line: str) -> None:
    """Print once, however many processes learn together."""
    if rank() == 0:
        print(line)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return str(value) if isinstance(value, Path) else value


def _write_config(run: Path, plain: dict[str, Any]) -> None:
    with replacing(run / "config.json") as partial:
        partial.write_text(json.dumps(plain, indent=2) + "\n")


if __name__ == "__main__":
    cli.run(main)
