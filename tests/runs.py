"""Runs of train.py in this process, and what their folders hold."""

import json
from functools import partial
from pathlib import Path

import pytest
import torch

import train
from tests.conftest import TINY, call_script
from training import loops
from training.checkpoint import load, load_models


def train_undrawn() -> None:
    """Be train.py, but leave curves.png empty: to draw it takes longer than tiny networks learn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loops, "plot_curves", lambda stats, path: path.touch())
        train.main()


call = partial(call_script, train_undrawn, "train.py")


def call_tiny(data: Path, run: Path, *more: object):
    return call("--data", data, "--run", run, *TINY, *more)


def weights(run: Path) -> tuple[int, dict[str, torch.Tensor]]:
    """Give the step of a run, and all tensors of its newest checkpoint by name."""
    payload = load(run, "run")
    flat = {}

    def walk(prefix, value):
        if isinstance(value, torch.Tensor):
            flat[prefix] = value
        elif isinstance(value, dict):
            for key, entry in value.items():
                walk(f"{prefix}.{key}", entry)
        elif isinstance(value, list):
            for at, entry in enumerate(value):
                walk(f"{prefix}.{at}", entry)

    walk("", {k: payload[k] for k in ("networks", "average", "optimizers")})
    return payload["step"], flat


def log(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "stats.jsonl").open()]


def assert_same_run(one: Path, other: Path) -> None:
    step_one, flat_one = weights(one)
    step_other, flat_other = weights(other)
    assert step_one == step_other
    assert flat_one.keys() == flat_other.keys()
    different = [k for k in flat_one if not torch.equal(flat_one[k], flat_other[k])]
    assert not different
    kept = ("step", "l1", "discriminator", "matching", "row_norm")
    lines = [[{k: line[k] for k in kept} for line in log(run)] for run in (one, other)]
    assert lines[0] == lines[1]


def assert_one_line(done, *words: str) -> None:
    """A script has ended with a user's mistake, told in one line that has these words."""
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in lines[-1]


def load_feed_forward(path):
    """Load a run's averaged embedder and generator, ready to draw, and its config."""
    payload = load(path, "run")
    models = load_models(payload, path)
    return models.embedder.eval(), models.generator.eval(), payload["config"]
