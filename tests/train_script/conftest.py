"""Runs, heads and models that several of these tests look at."""

from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.processes import processes
from tests.runs import call, call_tiny

STEPS = 6
RESUMABLE = ["--steps", STEPS, "--save-every", 2, "--log-every", 1, "--sample-every", 100]
RESUMABLE += ["--decay", 0.8]  # so the rate of a step depends on where the run stands


@pytest.fixture(scope="session")
def undisturbed(data, tmp_path_factory) -> Path:
    run = tmp_path_factory.mktemp("undisturbed") / "run"
    done = call_tiny(data, run, *RESUMABLE)
    assert done.returncode == 0, done.stderr
    return run


@pytest.fixture(scope="session")
def head(trained, data, tmp_path_factory) -> tuple[Path, CompletedProcess]:
    """A head of a few steps, and what was said when it was made."""
    path = tmp_path_factory.mktemp("heads_out") / "me.pt"
    source = sorted(data.rglob("*.pkl"))[0]
    done = call(
        "finetune", "--checkpoint", trained, "--source", source, "--output", path,
        "--shots", 4, "--steps", 2,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return path, done


@pytest.fixture(scope="session")
def exported(trained, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "model.pt"
    done = call("export", "--checkpoint", trained, "--output", path)
    assert done.returncode == 0, done.stderr
    assert str(path) in done.stdout and "MB" in done.stdout
    return path


@pytest.fixture
def start():
    with processes() as start_process:
        yield start_process
