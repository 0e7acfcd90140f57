"""What a run of train.py learns is seen in its log, and what goes wrong is said."""

import pytest

from tests.runs import call_tiny, log
from training.checkpoint import load


@pytest.mark.parametrize(
    ("options", "steps", "signs"),
    [
        (["--generator-lr", 1e-9, "--discriminator-lr", 3e-3], 25,
            {"the discriminator has won", "the content loss does not fall"}),
        (["--matching-weight", 300, "--matching-warmup", 0, "--generator-lr", 3e-3,
          "--l1-weight", 0, "--discriminator-steps", 1], 25,
            {"the embedding collapses", "the embedder is ignored",
             "half of the embedding is dead"}),
        (["--generator-lr", 0.05, "--discriminator-lr", 1e-9, "--adversarial-weight", 10,
          "--l1-weight", 0, "--feature-matching-weight", 0, "--matching-weight", 0,
          "--no-spectral-norm"], 12, {"the output is saturated"}),
    ],
)  # fmt: skip
def test_a_run_that_goes_wrong_says_how_once_and_what_to_do(data, tmp_path, options, steps, signs):
    every = ["--log-every", 1, "--sample-every", 1000, "--save-every", 1000]
    done = call_tiny(data, tmp_path, "--steps", steps, *every, *options, "--precision", "float32")
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("warning, step")]
    for sign in signs:
        (line,) = (line for line in said if sign in line)
        assert "--" in line
    assert {line.split(": ")[1] for line in said} == signs


def test_a_run_in_good_health_warns_of_nothing_and_logs_its_signs(trained):
    line = log(trained)[-1]
    assert all(line[f"{name}_gradient"] > 0 for name in ("embedder", "generator", "discriminator"))
    assert 0 <= line["saturated"] <= line["dead_units"] < 1
    assert 0 < line["embedder_influence"] < 5
    assert 0 < line["embedding_variation"] < 1
    assert 0.1 < line["peak_memory_gb"] < 100


@pytest.mark.parametrize(
    ("videos", "steps", "options"),
    [
        (2, 30, ["--discriminator-steps", 1]),
        pytest.param(4, 200, [], marks=pytest.mark.slow),
    ],
)
def test_a_few_videos_can_be_learnt_by_heart(data, tmp_path, videos, steps, options):
    options += ["--generator-lr", 3e-3, "--adversarial-weight", 0, "--no-spectral-norm"]
    options += ["--overfit", videos, "--steps", steps, "--log-every", 1, "--gain-offset", 1]
    done = call_tiny(data, tmp_path, *options)
    assert done.returncode == 0, done.stderr
    lines = log(tmp_path)
    assert lines[-1]["l1"] < lines[0]["l1"] / 3
    assert len(load(tmp_path, "run")["videos"]) == videos
