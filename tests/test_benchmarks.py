"""Benchmarks, which nothing else calls, fit the code that they measure."""

import importlib
import pkgutil

import pytest
import torch

import benchmarks
from benchmarks import content, train_step
from benchmarks.apart import apart
from benchmarks.paper_losses import untrained_content_loss

NAMES = [module.name for module in pkgutil.iter_modules(benchmarks.__path__)]


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_can_be_imported_and_says_what_it_is(name):
    assert importlib.import_module(f"benchmarks.{name}").__doc__


def test_the_papers_content_loss_without_weights_has_all_its_layers():
    loss = untrained_content_loss()
    assert len(loss.layers) == 5
    fake = torch.rand(1, 3, 32, 32).requires_grad_()
    terms = loss(fake, torch.rand(1, 3, 32, 32))
    assert terms.keys() == {"vgg19", "vggface"}
    sum(terms.values()).backward()
    assert fake.grad.isfinite().all() and fake.grad.abs().sum() > 0


@pytest.mark.parametrize("in_step", [False, True])
@pytest.mark.parametrize("name", ["pixels", "dlib's face recognition"])
def test_the_cost_of_a_term_is_measured_by_itself_and_in_a_step(name, in_step, monkeypatch):
    monkeypatch.setattr(content, "REPEATS", 1)
    monkeypatch.setattr(content, "BATCH", 1)
    task = content.Task(name, "demo", "cpu", "float32", 0, in_step)  # 0: threads as they are
    assert content.measure(task).seconds > 0


@pytest.mark.slow
@pytest.mark.parametrize("row", [next(iter(train_step.ROWS)), train_step.BFLOAT16])
def test_a_step_of_the_papers_networks_is_timed(row):
    task = train_step.Task(train_step.ROWS[row], "cpu", 1, 64, 1, 1, 1, 1)
    seconds, memory, first = apart(train_step.measure, task)  # it changes the blocks
    assert seconds > 0 and memory > 0 and first > 0
