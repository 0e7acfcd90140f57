"""The model that lies in the repository fits the code: it draws heads that it has never seen."""

import json

from demo import UNSEEN
from drawn_heads.videos import write_heads
from tests.conftest import ROOT, call_file, preprocessed
from training.checkpoint import load
from training.provenance import detectors_of

MODEL = ROOT / "models" / "drawn_heads.pt"


def test_the_shipped_model_is_small():
    assert MODEL.stat().st_size < 20e6


def test_the_shipped_model_knows_that_its_landmarks_were_stored():
    assert detectors_of(load(MODEL, "model")["config"]) == ("stored",)


def test_the_shipped_model_draws_unseen_heads_better_than_copying_does(tmp_path, monkeypatch):
    heads, out = tmp_path / "heads", tmp_path / "out"
    write_heads(
        heads, 3, frames=12, fps=2.4, size=128, first_person=UNSEEN, workers=1, progress=False
    )
    monkeypatch.setattr("evaluation.outputs.write_figures", lambda summary, folder: [])  # slow
    done = call_file(
        "evaluate.py", "--checkpoint", MODEL, "--data", preprocessed(heads, tmp_path / "data", 12),
        "--output", out, "--shots", 4, "--held-out", 8, "--finetune-steps", 0,
        "--detector", "none", "--no-cross-reenactment", "--threads", 1,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (duel,) = json.loads((out / "metrics.json").read_text())["duels"]
    assert (duel["method"], duel["against"]) == ("feed-forward", "copy nearest")
    assert duel["wins"] == duel["videos"] == 3
