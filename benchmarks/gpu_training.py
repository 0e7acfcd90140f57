"""The last check of `benchmarks.gpu`: train at 128 pixels for the time that is left."""

import importlib
import json
import os
import signal
import statistics
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING

import torch

from benchmarks.gpu_checks import Figures, LeftOut, Setting
from config import PRESETS, Train
from loss.content import load_content_loss_of, with_content
from training.checkpoint import load, save_model
from training.models import build_models, build_optimizers
from training.steps import term_weights

if TYPE_CHECKING:
    from training.loops import MetaLearning

LAST_WORDS = 25.0  # seconds for the last sheet, checkpoint and model
LEAST = 20.0  # seconds of training that are worth it
NEEDED = "cv2", "tqdm", "matplotlib"
WORKERS = 8


def learn(setting: Setting) -> Figures:
    """Learn from the data that was carried along; write a run, and the model that it has made.

    It is the preset small, with pixels in place of VGG19 where its weights were not carried along.
    """
    if setting.data is None:
        raise LeftOut("no --data was given")
    for name in NEEDED:  # rather now than after minutes
        importlib.import_module(name)
    seconds = setting.seconds - LAST_WORDS
    if seconds < LEAST:
        raise LeftOut(f"{setting.seconds:.0f} s were left")
    learning = make_learning(setting)
    learning.resume()
    stop = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGTERM))  # as schedulers do
    stop.start()
    learning.learn()
    stop.cancel()
    model = setting.output / "model.pt"
    save_model(load(learning.run, "run"), model)
    lines = learning.stats.lines
    return {
        "steps": learning.step,
        "images/s": statistics.median(line["images_per_second"] for line in lines),
        **{
            name: f"{lines[0][name]:.4g}, then {lines[-1][name]:.4g}"
            for name in ("vgg19", "l1")
            if name in lines[0]
        },
        "sheet": str(max((learning.run / "samples").iterdir())),
        "checkpoint": str(learning.run / "last.pt"),
        "model": str(model),
    }


def make_learning(setting: Setting) -> "MetaLearning":
    """Make a run in the output's folder, as train.py does."""
    from dataset.episodes import VoxCelebDataset
    from training.loops import MetaLearning, Schedule

    name, steps, workers = ("demo", 2, 0) if setting.tiny else ("small", None, WORKERS)
    run = setting.output / "training"
    config = Train(data=setting.data, run=run, vgg19=setting.vgg19, **PRESETS[name])
    dataset = VoxCelebDataset(config.data, config.sources, config.networks.image_size)
    stored = json.loads(json.dumps(asdict(config), default=str))  # plain values
    stored |= {"data": dataset.settings, "face_features": "none"}
    stored = with_content(stored, None if config.vgg19 else "l1")
    loss = load_content_loss_of(stored, None, None)
    stored["vgg19_layers"] = loss.layers
    loss.place(setting.place, setting.hardware.dtype)
    torch.manual_seed(config.seed)
    models = build_models(len(dataset), **asdict(config.networks)).to(setting.place)
    optimization = asdict(config.optimization)
    discriminator_steps, decay = (optimization.pop(k) for k in ("discriminator_steps", "decay"))
    schedule = Schedule(
        steps or config.steps, config.batch_size, discriminator_steps, decay,
        config.matching_warmup, config.ema, config.log_every, config.sample_every,
        config.save_every, config.keep,
    )  # fmt: skip
    return MetaLearning(
        dataset, models, build_optimizers(models, **optimization), loss,
        term_weights(stored["weights"]), schedule, setting.hardware._replace(workers=workers), run,
        stored,
    )  # fmt: skip
