"""A new run of train.py may start from what another has learnt."""

import shutil

import pytest
import torch

from tests.runs import call_tiny
from training.checkpoint import load, save_model


@pytest.mark.parametrize("kind", ["run", "model"])
def test_a_run_starts_from_what_another_has_learnt(trained, data, tmp_path, kind):
    start = trained
    if kind == "model":
        start = tmp_path / "model.pt"
        save_model(load(trained, "run"), start)
    still = ["--generator-lr", 1e-12, "--discriminator-lr", 1e-12, "--ema", 0.5, "--steps", 1]
    done = call_tiny(data, tmp_path / "run", "--start-from", start, *still)
    assert done.returncode == 0, done.stderr
    assert f"starting from step 4 of {start}" in done.stdout
    old, new = load(start, "run", "model"), load(tmp_path / "run", "run")
    assert new["step"] == 1
    learnt = old["average"] | {"discriminator": old["networks"]["discriminator"]}
    for name, state in learnt.items():
        for begun in (new["networks"][name], new["average"].get(name, {})):
            for key, value in begun.items():
                if not key.endswith(("_u", "_v")):  # a step has moved these
                    assert torch.allclose(value, state[key].float(), atol=1e-6), (name, key)


def test_a_run_that_has_steps_goes_on_from_its_own(trained, data, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    done = call_tiny(data, run, "--start-from", tmp_path / "nowhere.pt", "--steps", 5)
    assert done.returncode == 0, done.stderr
    assert "going on from step 4" in done.stdout


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--start-from", "nowhere.pt"), "no checkpoint nowhere.pt"),
        (("--start-from", "trained", "--gain-offset", 0.5), "was trained with gain_offset 0.0"),
        (("--start-from", "trained", "--channels", 16), "was trained with channels 8"),
    ],
)
def test_what_a_run_cannot_start_from_is_told_in_one_line(
    trained, data, tmp_path, options, complaint
):
    words = [trained if word == "trained" else word for word in options]
    done = call_tiny(data, tmp_path / "run", *words)
    assert done.returncode == 1
    assert complaint in done.stderr.strip()
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "run" / "last.pt").exists()
