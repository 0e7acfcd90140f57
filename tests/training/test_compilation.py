"""Whether this machine can compile networks, and what training makes of it."""

import shutil

import pytest
import torch

import train
from tests.conftest import run_script

ASK = """
import torch
from training.compilation import obstacle_to_compiling
print(obstacle_to_compiling(torch.device("cpu")))
"""


def obstacle(tmp_path, **environment: str) -> str:
    """Ask in a process of its own, which has compiled nothing yet."""
    done = run_script("-c", ASK, env=environment | {"TORCHINDUCTOR_CACHE_DIR": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_missing_compiler_is_an_obstacle_that_is_told_in_one_line(tmp_path):
    told = obstacle(tmp_path, CXX="/no/compiler")
    assert len(told.splitlines()) == 1
    assert "/no/compiler" in told


@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no compiler")
def test_a_machine_with_a_compiler_has_no_obstacle(tmp_path):
    assert obstacle(tmp_path) == "None"


@pytest.mark.parametrize(
    ("choice", "device", "obstacle", "compiled"),
    [
        ("auto", "cpu", None, False),
        ("auto", "cuda", None, True),
        ("auto", "cuda", "no Triton", False),
        ("on", "cuda", "no Triton", True),
        ("on", "cpu", "no compiler", True),
        ("off", "cuda", None, False),
    ],
)
def test_auto_compiles_on_gpus_unless_it_fails_and_on_insists(
    monkeypatch, capsys, choice, device, obstacle, compiled
):
    monkeypatch.setattr(train, "obstacle_to_compiling", lambda device: obstacle)
    assert train._should_compile(choice, torch.device(device)) is compiled
    said = capsys.readouterr()
    assert ("no Triton" in said.out + said.err) is (choice == "auto" and obstacle is not None)
