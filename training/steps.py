"""One step of meta-learning and one of fine-tuning: the paper's algorithm."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer

from dataset.episode import Episode
from loss.adversarial import (
    adversarial_loss,
    discriminator_loss,
    feature_matching_loss,
    matching_loss,
)
from loss.content import ContentLoss
from network.discriminator import Critique, Discriminator
from network.normalized_weights import NormalizedWeights
from network.personal_generator import PersonalGenerator
from training.distributed import average_gradients
from training.hardware import Hardware
from training.models import Models, Optimizers, variation

SATURATED = 0.98  # of the way to white or black

Losses = dict[str, Tensor]


class Person(NamedTuple):
    """What fine-tuning learns: the head (G, psi'), the discriminator (V, b) and its identity w'."""

    head: PersonalGenerator
    discriminator: Discriminator
    identity: nn.Parameter


def meta_step(
    models: Models,
    optimizers: Optimizers,
    content_loss: ContentLoss,
    batch: Episode,
    weights: Mapping[str, float],
    discriminator_steps: int,
    hardware: Hardware,
) -> Losses:
    """Update embedder and generator once, then the discriminator (Sec. 3.2).

    Args:
        batch: images in [-1, 1] on the networks' device; the videos' numbers where W lies. Its
            size is a multiple of `hardware.parts`.
        weights: factor of each generator term, by name.
        discriminator_steps: updates of D and W on the same images.
        hardware: how it is computed.

    Returns:
        Every term unweighted, and a few signs of health, detached.
    """
    E, G, D, W = models
    parts = [Episode(*part) for part in zip(*(t.chunk(hardware.parts) for t in batch), strict=True)]

    # Generator: imitate the target frame from its landmarks and the embedded source frames.
    D.requires_grad_(False)
    normalized = NormalizedWeights(E, G, D, dtype=hardware.dtype)
    normalized.power_iteration()
    fakes, embeddings, terms = [], [], []
    for part in parts:
        with normalized.in_use():
            with hardware.autocast():
                embedding = E.embed_video(  # e-hat, (B, N)
                    part.source, part.source_landmarks, hardware.checkpoint_embedder
                )
                fake = G(part.target_landmarks, G.project(embedding))
                rows = W(part.video).detach().to(embedding.device)
                losses = imitation_losses(
                    D, content_loss, fake, part.target, part.target_landmarks, D.identity(rows)
                )
                losses["matching"] = matching_loss(embedding, rows)
            (weighted_sum(losses, weights) / len(parts)).backward()
        fakes.append(fake.detach())
        embeddings.append(embedding.detach())
        terms.append(losses | {"row_norm": rows.norm(dim=1).mean()})
    losses = mean_losses(terms) | descend(optimizers.generator, embedder=E, generator=G)

    # Discriminator: tell the same pairs apart, knowing which video each is from.
    D.requires_grad_(True)
    for _ in range(discriminator_steps):
        normalized = NormalizedWeights(D, dtype=hardware.dtype)
        normalized.power_iteration()
        terms = []
        for part, fake in zip(parts, fakes, strict=True):
            with normalized.in_use(), hardware.autocast():
                identity = D.identity(W(part.video).to(fake.device))
                judged = D.judge_pair(
                    fake, part.target, part.target_landmarks, identity, hardware.joint_judgement
                )
            terms.append(hinge_losses(*judged))
            (terms[-1]["discriminator"] / len(parts)).backward()
        learners = optimizers.discriminator, optimizers.video_embeddings
        losses |= mean_losses(terms) | descend(*learners, discriminator=D)
    embedding, fake = torch.cat(embeddings), torch.cat(fakes)
    return losses | {
        "embedding_norm": embedding.norm(dim=1).mean(),
        "embedding_variation": variation(embedding),
        "dead_units": (embedding == 0).all(dim=0).float().mean(),
        "saturated": (fake.abs() > SATURATED).float().mean(),
    }


def finetune_step(
    person: Person,
    optimizers: tuple[Optimizer, Optimizer],
    content_loss: ContentLoss,
    target: Tensor,
    landmarks: Tensor,
    weights: Mapping[str, float],
    discriminator_steps: int,
    hardware: Hardware,
) -> Losses:
    """Update one person's head once, then the discriminator (Sec. 3.3): no embedder, no W.

    Args:
        optimizers: of the head, and of the discriminator with its identity.
        target, landmarks: (B, 3, H, W) in [-1, 1], pictures of the person.
    """
    head, D, identity = person
    learns_head, learns_discriminator = optimizers

    # Generator: imitate the pictures from their landmarks.
    D.requires_grad_(False)
    normalized = NormalizedWeights(head, D, dtype=hardware.dtype)
    normalized.power_iteration()
    with normalized.in_use(), hardware.autocast():
        fake = head(landmarks)
        losses = imitation_losses(D, content_loss, fake, target, landmarks, identity.detach())
    weighted_sum(losses, weights).backward()
    descend(learns_head)

    # Discriminator: tell the same pair apart, knowing the person.
    D.requires_grad_(True)
    fake = fake.detach()
    for _ in range(discriminator_steps):
        normalized = NormalizedWeights(D, dtype=hardware.dtype)
        normalized.power_iteration()
        with normalized.in_use(), hardware.autocast():
            judged = D.judge_pair(fake, target, landmarks, identity)
        losses |= hinge_losses(*judged)
        losses["discriminator"].backward()
        descend(learns_discriminator)
    return mean_losses([losses])


def imitation_losses(
    D: Discriminator,
    content_loss: ContentLoss,
    fake: Tensor,
    target: Tensor,
    landmarks: Tensor,
    identity: Tensor,
) -> Losses:
    """The generator's terms that both stages share: L_CNT and the two parts of L_ADV."""
    content = content_loss(fake, target)  # first, for it leaves no activations behind
    judged_fake = D(fake, landmarks, identity)
    with torch.no_grad():
        judged_real = D(target, landmarks, identity)
    return {
        **content,
        "adversarial": adversarial_loss(judged_fake.score),
        "feature_matching": feature_matching_loss(judged_fake.features, judged_real.features),
    }


def hinge_losses(judged_fake: Critique, judged_real: Critique) -> Losses:
    """L_DSC, and the mean scores behind it."""
    return {
        "discriminator": discriminator_loss(judged_real.score, judged_fake.score),
        "real_score": judged_real.score.mean(),
        "fake_score": judged_fake.score.mean(),
        "real_accuracy": (judged_real.score > 0).float().mean(),
        "fake_accuracy": (judged_fake.score < 0).float().mean(),
    }


def term_weights(options: Mapping[str, float]) -> dict[str, float]:
    """From options, `vgg19_weight`, to terms of the loss, `vgg19`."""
    return {name.removesuffix("_weight"): value for name, value in options.items()}


def weighted_sum(losses: Losses, weights: Mapping[str, float]) -> Tensor:
    """The generator's total loss: the only place where terms are weighted."""
    return sum(weights[name] * value for name, value in losses.items())


def mean_losses(parts: Sequence[Losses]) -> Losses:
    """Average the terms of equal parts of a batch, detached."""
    table = torch.stack([torch.stack([loss.detach() for loss in part.values()]) for part in parts])
    return dict(zip(parts[0], table.mean(dim=0).unbind(), strict=True))


def descend(*optimizers: Optimizer, **watched: nn.Module) -> Losses:
    """Go one step down the gradient of all processes, and leave no gradient behind.

    Returns:
        The length of each watched network's gradient, as NAME_gradient.
    """
    average_gradients(*optimizers)
    norms = {
        f"{name}_gradient": get_total_norm(
            [p.grad for p in network.parameters() if p.grad is not None]
        )
        for name, network in watched.items()
    }
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return norms
