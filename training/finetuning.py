"""Fitting a meta-learned model to one person (Sec. 3.3 of the paper)."""

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from loss.content import ContentLoss
from network.personal_generator import PersonalGenerator
from system.progress import progress_bar
from training.hardware import Hardware
from training.health import finite_numbers
from training.models import LearningRates, Models, dense_adam
from training.steps import Person, finetune_step

AfterStep = Callable[[int], bool | None]

PAPER_EPOCHS = 40
PAPER_BATCH = 8

AUTO = "auto"
ASIDE = 5  # of so many pictures one is kept aside to judge by, and never less than one
CHECK_EVERY, PATIENCE, MOST_STEPS = 10, 6, 800  # steps, checks without a better one, steps


class Learning(NamedTuple):
    """How a person is learnt."""

    steps: int | str | None
    """Generator updates; None: the paper's; auto: see `finetune`."""
    batch_size: int
    generator_lr: float
    discriminator_lr: float
    betas: tuple[float, float]
    eps: float
    decay: float
    discriminator_steps: int
    seed: int

    @classmethod
    def as_trained(
        cls, optimization: Mapping[str, Any], steps: int | str | None, batch_size: int, seed: int
    ) -> "Learning":
        """Learn with the optimisers' settings of a run."""
        return cls(
            steps,
            batch_size,
            optimization["generator_lr"],
            optimization["discriminator_lr"],
            (optimization["beta1"], optimization["beta2"]),
            optimization["eps"],
            optimization["decay"],
            optimization["discriminator_steps"],
            seed,
        )


def paper_steps(pictures: int) -> int:
    """The paper's 40 epochs over T pictures in batches of 8, as generator updates."""
    return PAPER_EPOCHS * -(-pictures // PAPER_BATCH)


@torch.no_grad()
def initial_person(
    models: Models, images: Tensor, landmarks: Tensor, row_norm: float, rescale: float
) -> Person:
    """Start from the feed-forward answer: psi' = P e, w' = w_0 + e.

    Args:
        images, landmarks: (T, 3, H, W) in [-1, 1].
        row_norm: mean length of a row of W.
        rescale: an embedding longer than this many `row_norm` is cut to one of them before it
            becomes w', so that the scores start as large as in meta-learning (pitfall P25).

    Source: Sec. 3.3. Differs from the paper: the rescaling.
    """
    embedder = models.embedder.eval()
    embedding = embedder.embed_video(images[None], landmarks[None])  # (1, N)
    generator = models.generator.eval()
    head = PersonalGenerator(generator, generator.project(embedding)).train()
    length = embedding.norm()
    if length > rescale * row_norm:
        embedding = embedding * (row_norm / length)
    discriminator = models.discriminator.eval()
    identity = nn.Parameter(discriminator.identity(embedding))
    return Person(head, discriminator.train(), identity)


def finetune(
    person: Person,
    images: Tensor,
    landmarks: Tensor,
    content_loss: ContentLoss,
    weights: Mapping[str, float],
    learning: Learning,
    hardware: Hardware,
    progress: bool = True,
    after_step: AfterStep | None = None,
) -> int:
    """Train `person` in place on T pictures, for as long as `learning.steps` says.

    A number is that many steps; None the paper's. "auto" keeps every fifth picture aside, at least
    one, and trains a copy of the person at constant rates until these are drawn no better; then the
    person itself learns all pictures for as many epochs as had helped. Where there is one picture
    only it does the paper's steps.

    Args:
        images, landmarks: (T, 3, H, W) in [-1, 1] on the hardware's device.
        after_step: called with the number of the person's own steps done, after each; True ends
            the training.

    Returns:
        The steps that the head has learnt for.

    Raises:
        FloatingPointError: a loss is not finite.

    Source: Sec. 3.3. Differs from the paper, which does 40 epochs whatever they do: "auto".
    """
    task = _Task(person, images, landmarks, content_loss, weights, learning, hardware, progress)
    steps = learning.steps
    if steps == AUTO and len(images) > 1:
        helped = _steps_that_help(task._replace(person=copy.deepcopy(person)))
        steps = round(helped * len(images) / (len(images) - _aside(len(images))))
    elif steps in (None, AUTO):
        steps = paper_steps(len(images))
    return _learn(task._replace(learning=learning._replace(steps=steps)), after_step)


class _Task(NamedTuple):
    """What is learnt, and how; the fields are `finetune`'s arguments."""

    person: Person
    images: Tensor
    landmarks: Tensor
    content_loss: ContentLoss
    weights: Mapping[str, float]
    learning: Learning
    hardware: Hardware
    progress: bool


def _learn(task: _Task, after_step: AfterStep | None) -> int:
    """Do `learning.steps` steps, which are a number by now, or fewer; return how many."""
    learning = task.learning
    optimizers = person_optimizers(task.person, learning)
    rates = LearningRates(optimizers, learning.steps, learning.decay)
    draws = _batches(len(task.images), learning.batch_size, learning.seed)
    bar = progress_bar(
        iterable=range(learning.steps), desc="fine-tuning", unit="step", disable=not task.progress
    )
    for step in bar:
        chosen = next(draws).to(task.images.device)
        rates.set(step)
        losses = finetune_step(
            task.person, optimizers, task.content_loss, task.images[chosen],
            task.landmarks[chosen], task.weights, learning.discriminator_steps,
            task.hardware,
        )  # fmt: skip
        if step % 10 == 0 or step == learning.steps - 1:
            finite_numbers(losses, step)
        if after_step is not None and after_step(step + 1):
            return step + 1
    return learning.steps


def _steps_that_help(task: _Task) -> int:
    """Learn on most of the pictures until the others are drawn no better; the person is spoilt."""
    aside = _aside(len(task.images))
    head = task.person.head

    def error() -> float:
        terms = content_error(
            head, task.images[:aside], task.landmarks[:aside], task.content_loss, task.hardware
        )
        return sum(task.weights[name] * value for name, value in terms.items())

    best_step, least = 0, error()

    def judge(step: int) -> bool:
        nonlocal best_step, least
        if step % CHECK_EVERY == 0 and (now := error()) < least:
            best_step, least = step, now
        return step - best_step >= CHECK_EVERY * PATIENCE

    learning = task.learning._replace(steps=MOST_STEPS, decay=0.0)  # the end is not known
    known = {"images": task.images[aside:], "landmarks": task.landmarks[aside:]}
    _learn(task._replace(learning=learning, **known), judge)
    return best_step


def _aside(pictures: int) -> int:
    """How many of the pictures are kept aside to judge by."""
    return max(1, pictures // ASIDE)


def person_optimizers(person: Person, learning: Learning) -> tuple[Optimizer, Optimizer]:
    """Build the two optimisers; psi' and w' exist by now, so they learn (pitfall P19)."""
    head, discriminator, identity = person
    adam = {"betas": learning.betas, "eps": learning.eps}
    return (
        dense_adam([head], learning.generator_lr, **adam),
        dense_adam([discriminator, identity], learning.discriminator_lr, **adam),
    )


@torch.no_grad()
def content_error(
    head: PersonalGenerator,
    images: Tensor,
    landmarks: Tensor,
    content_loss: ContentLoss,
    hardware: Hardware,
) -> dict[str, float]:
    """Unweighted content terms of a head on pictures (T, 3, H, W) that it did not learn from."""
    with hardware.autocast():
        fake = torch.cat([head.draw(part) for part in landmarks.split(PAPER_BATCH)])
        return {name: value.item() for name, value in content_loss(fake, images).items()}


def _batches(pictures: int, batch_size: int, seed: int) -> Iterator[Tensor]:
    """Draw batches of indices without end, every picture once an epoch."""
    rng = np.random.default_rng(seed)
    size = min(batch_size, pictures)
    waiting: list[int] = []
    while True:
        while len(waiting) < size:
            waiting.extend(rng.permutation(pictures).tolist())
        yield torch.tensor(waiting[:size])
        waiting = waiting[size:]
