"""Fitting a meta-learned model to one person (Sec. 3.3 of the paper)."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from dataset.progress import progress_bar
from loss.content import ContentLoss
from network.talking_head import TalkingHead
from training.checkpoint import restore
from training.loops import Hardware, finite_numbers
from training.models import LearningRates, Models, build_models, dense_adam
from training.steps import Person, finetune_step

PAPER_EPOCHS = 40
PAPER_BATCH = 8


class Learning(NamedTuple):
    """How a person is learnt."""

    steps: int
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
        cls, optimization: Mapping[str, Any], steps: int, batch_size: int, seed: int
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


def load_models(payload: Mapping[str, Any], path: Path) -> Models:
    """Build the networks of a run: averaged embedder and generator, the discriminator as it is."""
    models = build_models(1, **payload["config"]["networks"])
    restore(models.embedder, payload["average"]["embedder"], path)
    restore(models.generator, payload["average"]["generator"], path)
    restore(models.discriminator, payload["networks"]["discriminator"], path)
    return models


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
    head = TalkingHead(generator, generator.project(embedding)).train()
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
) -> None:
    """Train `person` in place on T pictures.

    Args:
        images, landmarks: (T, 3, H, W) in [-1, 1] on the hardware's device.

    Raises:
        FloatingPointError: a loss is not finite.
    """
    optimizers = person_optimizers(person, learning)
    rates = LearningRates(optimizers, learning.steps, learning.decay)
    draws = _batches(len(images), learning.batch_size, learning.seed)
    steps = range(learning.steps)
    for step in progress_bar(iterable=steps, desc="fine-tuning", unit="step", disable=not progress):
        chosen = next(draws).to(images.device)
        rates.set(step)
        losses = finetune_step(
            person, optimizers, content_loss, images[chosen], landmarks[chosen], weights,
            learning.discriminator_steps, hardware.autocast,
        )  # fmt: skip
        if step % 10 == 0 or step == learning.steps - 1:
            finite_numbers(losses, step)


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
    head: TalkingHead, images: Tensor, landmarks: Tensor, content_loss: ContentLoss
) -> dict[str, float]:
    """Unweighted content terms of a head on pictures (T, 3, H, W) that it did not learn from."""
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
