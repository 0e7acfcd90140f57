"""The model that lies in the repository fits the code: it draws heads that it has never seen."""

import json

import pytest

from demo import UNSEEN
from drawn_heads.videos import write_heads
from tests.conftest import ROOT, call_file, preprocessed
from training.checkpoint import load
from training.provenance import detectors_of

MODELS = sorted((ROOT / "models").glob("*.pt"))
every_model = pytest.mark.parametrize("model", MODELS, ids=lambda path: path.stem)


@every_model
def test_a_shipped_model_is_small(model):
    assert model.stat().st_size < 20e6


@every_model
def test_a_shipped_model_knows_its_landmarks_and_wants_no_weights_of_others(model):
    config = load(model, "model")["config"]
    assert detectors_of(config) == ("stored",)
    assert config["content"] == "l1"


@every_model
def test_a_shipped_model_draws_unseen_heads_better_than_copying_does(model, tmp_path, monkeypatch):
    heads, out = tmp_path / "heads", tmp_path / "out"
    write_heads(
        heads, 3, frames=12, fps=2.4, size=128, first_person=UNSEEN, workers=1, progress=False
    )
    monkeypatch.setattr("evaluation.outputs.write_figures", lambda summary, folder: [])  # slow
    size = load(model, "model")["config"]["networks"]["image_size"]
    data = preprocessed(heads, tmp_path / "data", 12, size)
    done = call_file(
        "evaluate.py", "--checkpoint", model, "--data", data,
        "--output", out, "--shots", 4, "--held-out", 8, "--finetune-steps", 0,
        "--detector", "none", "--no-cross-reenactment", "--threads", 1,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (duel,) = json.loads((out / "metrics.json").read_text())["duels"]
    assert (duel["method"], duel["against"]) == ("feed-forward", "copy nearest")
    assert duel["wins"] == duel["videos"] == 3
