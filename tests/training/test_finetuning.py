"""How long fine-tuning goes on, and which head it keeps."""

import copy

import pytest
import torch

from loss.content import ContentLoss
from tests.training.conftest import WEIGHTS
from training import finetuning
from training.finetuning import (
    ASIDE,
    CHECK_EVERY,
    MOST_STEPS,
    PATIENCE,
    Learning,
    finetune,
    initial_person,
)
from training.hardware import Hardware

HARDWARE = Hardware(torch.device("cpu"), torch.float32)


@pytest.fixture
def person(models):
    images, landmarks = pictures(2)
    return initial_person(models, images, landmarks, 1.0, 2.0)


def pictures(count):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(2, count, 3, 64, 64, generator=generator).mul(2).sub(1).unbind()


def learning(steps):
    return Learning(steps, 2, 1e-4, 1e-4, (0.0, 0.999), 1e-5, 0.5, 1, 0)


def fitted(person, steps, count=10, after_step=None):
    return finetune(
        person, *pictures(count), ContentLoss(), WEIGHTS, learning(steps), HARDWARE,
        progress=False, after_step=after_step,
    )  # fmt: skip


@pytest.fixture
def scripted(monkeypatch, person):
    """Steps that only count, and an error on the pictures kept aside that follows a script."""

    def play(errors):
        errors, calls = iter(errors), []

        def judge(head, images, *_):
            calls.append(len(images))
            return {"l1": next(errors)}

        def step(person, *_):
            with torch.no_grad():
                person.head.style += 1
            return {"l1": torch.tensor(0.0)}

        monkeypatch.setattr(finetuning, "content_error", judge)
        monkeypatch.setattr(finetuning, "finetune_step", step)
        return calls

    return play


def test_auto_does_the_epochs_that_had_helped_again_on_all_pictures(person, scripted):
    start = person.head.style.detach().clone()
    better = [9.0, 8.0, 7.0, 6.0]  # before, and after 10, 20, 30 steps
    calls = scripted([*better, *[6.5] * 99])
    seen = []
    steps = round(3 * CHECK_EVERY * 10 / (10 - 10 // ASIDE))
    assert fitted(person, "auto", after_step=seen.append) == steps
    assert seen == list(range(1, steps + 1))
    torch.testing.assert_close(person.head.style.detach(), start + steps)
    assert set(calls) == {10 // ASIDE}
    assert len(calls) == 1 + 3 + PATIENCE


def test_auto_keeps_the_head_as_it_came_when_nothing_is_better(person, scripted):
    start = copy.deepcopy(person.head.state_dict())
    scripted([1.0, *[2.0] * 99])
    assert fitted(person, "auto") == 0
    for name, value in person.head.state_dict().items():
        assert torch.equal(value, start[name]), name


def test_auto_ends_at_its_most_steps_when_it_gets_better_all_the_time(person, scripted):
    calls = scripted(float(-i) for i in range(10_000))
    assert fitted(person, "auto") == round(MOST_STEPS * 10 / (10 - 10 // ASIDE))
    assert len(calls) == 1 + MOST_STEPS // CHECK_EVERY


def test_auto_learns_from_none_of_the_pictures_that_it_is_judged_by_and_then_from_all(
    person, monkeypatch
):
    images, _ = pictures(10)
    learnt, judged, own = set(), set(), set()
    errors = iter([2.0, *[1.0] * 99])  # so that some steps help

    def names(batch):
        return {next(i for i, image in enumerate(images) if torch.equal(image, x)) for x in batch}

    def step(learner, optimizers, content_loss, target, *_):
        (own if learner is person else learnt).update(names(target))
        return {"l1": torch.tensor(0.0)}

    def judge(head, held_out, *_):
        judged.update(names(held_out))
        return {"l1": next(errors)}

    monkeypatch.setattr(finetuning, "finetune_step", step)
    monkeypatch.setattr(finetuning, "content_error", judge)
    fitted(person, "auto")
    assert len(judged) == 10 // ASIDE
    assert learnt == set(range(10)) - judged
    assert own == set(range(10))


def test_auto_with_one_picture_does_the_papers_40_steps(person, scripted):
    scripted([])
    seen = []
    assert fitted(person, "auto", count=1, after_step=seen.append) == 40
    assert seen[-1] == 40


@pytest.mark.parametrize(
    ("steps", "count", "expected"), [(3, 10, 3), (None, 10, 80), (None, 8, 40)]
)
def test_a_number_is_that_many_steps_and_none_the_papers_40_epochs(
    person, scripted, steps, count, expected
):
    scripted([])
    start = person.head.style.detach().clone()
    assert fitted(person, steps, count) == expected
    torch.testing.assert_close(person.head.style.detach(), start + expected)


def test_after_step_can_end_it(person, scripted):
    scripted([])
    start = person.head.style.detach().clone()
    fitted(person, 50, after_step=lambda step: step == 5)
    torch.testing.assert_close(person.head.style.detach(), start + 5)
