"""Whether this machine can compile networks, and what training makes of it."""

import shutil
from functools import partial

import pytest
import torch
from torch import nn
from torch._inductor import config as inductor

import train
from loss.content import ContentLoss
from tests.conftest import run_script
from training.compilation import compile_networks, obstacle_to_compiling

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


def assert_names_the_compiler(told: str) -> None:
    assert len(told.splitlines()) == 1
    assert "/no/compiler" in told


def test_a_missing_compiler_is_told_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    with inductor.patch({"cpp.cxx": ("/no/compiler",)}):
        assert_names_the_compiler(obstacle_to_compiling(torch.device("cpu")))


@pytest.mark.slow
def test_a_missing_compiler_is_an_obstacle_that_is_told_in_one_line(tmp_path):
    assert_names_the_compiler(obstacle(tmp_path, CXX="/no/compiler"))


def test_what_can_be_compiled_is_no_obstacle(monkeypatch):
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    assert obstacle_to_compiling(torch.device("cpu")) is None


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no compiler")
def test_a_machine_with_a_compiler_has_no_obstacle(tmp_path):
    assert obstacle(tmp_path) == "None"


def test_the_networks_that_are_learnt_and_the_content_loss_are_compiled(models, monkeypatch):
    compiled, how = [], []
    monkeypatch.setattr(
        nn.Module, "compile", lambda self, **k: (compiled.append(self), how.append(k))
    )
    content_loss = ContentLoss(dlib=nn.Identity(), pixels=True)
    compile_networks(models, content_loss)
    assert compiled == [*models[:3], content_loss.perceptual["dlib"]]
    assert how == [{"dynamic": False, "backend": "inductor"}] * 4


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
