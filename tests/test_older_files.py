"""Runs, records and models that were made by older code still work."""

import json
import tarfile

import pytest

import train
from tests.conftest import ROOT, call_script

# Made at commit 92f0d09, before the code moved into its rooms: 4 records of 2 drawn heads, and a
# run of two steps on them.
STORED = ROOT / "tests" / "stored" / "run_2026-11-28.tar.xz"
NETWORKS = [
    "--content", "l1", "--image-size", "64", "--channels", "8", "--max-channels", "8",
    "--bottleneck", "4", "--no-attention", "--sources", "2", "--batch-size", "2",
]  # fmt: skip
PLAIN = ["--workers", "0", "--threads", "1", "--precision", "float32"]
# What the code of then logged for the third step, on one CPU.
THIRD_STEP = {
    "l1": 0.502862, "adversarial": -1.0855, "feature_matching": 0.0780855, "matching": 2.10724,
    "row_norm": 0.187263, "embedding_norm": 9.71227, "discriminator": 1.65139,
    "real_score": 1.21344, "generator_gradient": 70.7754,
}  # fmt: skip


def test_a_run_of_older_code_goes_on_as_that_code_would_have(tmp_path):
    with tarfile.open(STORED) as archive:
        archive.extractall(tmp_path, filter="data")
    run = tmp_path / "RUN"
    words = ["--data", tmp_path / "DATA", "--run", run, "--steps", 3, "--log-every", 1]
    done = call_script(train.main, "train.py", *words, *NETWORKS, *PLAIN)
    assert done.returncode == 0, done.stderr
    assert f"going on from step 2 of {run}" in done.stdout
    lines = [json.loads(line) for line in (run / "stats.jsonl").open()]
    assert [line["step"] for line in lines] == [1, 2, 3]
    for name, value in THIRD_STEP.items():
        assert lines[-1][name] == pytest.approx(value, rel=1e-3), name  # other CPUs round otherwise
