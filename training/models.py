"""The networks that are trained together, their running average, and their optimisers."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer, SparseAdam

from network.discriminator import Discriminator, VideoEmbeddings
from network.embedder import Embedder
from network.generator import Generator

TINY = 1e-12


class Models(NamedTuple):
    """E, G (with P), D and W."""

    embedder: Embedder
    generator: Generator
    discriminator: Discriminator
    video_embeddings: VideoEmbeddings

    def to(
        self, device: torch.device, rows_on_cpu: bool = False, channels_last: bool = True
    ) -> "Models":
        """Move all of them to a device.

        Args:
            rows_on_cpu: W and its optimiser stay in host memory; only the rows of a batch travel.
            channels_last: the memory layout that convolutions like best.
        """
        for network in self[:3]:
            network.to(device, memory_format=layout(channels_last))
        self.video_embeddings.to("cpu" if rows_on_cpu else device)
        return self


class Optimizers(NamedTuple):
    """One per phase of the step, and one for W, whose gradients are sparse."""

    generator: Optimizer
    discriminator: Optimizer
    video_embeddings: Optimizer


def build_models(
    videos: int,
    *,
    image_size: int = 256,
    channels: int = 64,
    max_channels: int = 512,
    generator_channels: int | None = None,
    bottleneck: int = 16,
    attention: bool = True,
    spectral_norm: bool = True,
    discriminator_spectral_norm: bool = True,
    gain_offset: float = 0.0,
) -> Models:
    """Build freshly initialised networks; the keywords are those of the networks themselves.

    Args:
        generator_channels: width of the generator's outermost blocks, where it is not `channels`.
    """
    shape = {"image_size": image_size, "max_channels": max_channels, "attention": attention}
    embedder = Embedder(channels=channels, spectral_norm=spectral_norm, **shape)
    return Models(
        embedder,
        Generator(
            channels=generator_channels or channels,
            bottleneck=bottleneck,
            embedding_size=embedder.embedding_size,
            spectral_norm=spectral_norm,
            gain_offset=gain_offset,
            **shape,
        ),
        Discriminator(channels=channels, spectral_norm=discriminator_spectral_norm, **shape),
        VideoEmbeddings(videos, embedder.embedding_size),
    )


def build_optimizers(
    models: Models,
    *,
    generator_lr: float,
    discriminator_lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    fused: bool = True,
) -> Optimizers:
    """Adam for E, G, P and for D; SparseAdam for W, so that only rows of the batch move."""
    adam = {"betas": (beta1, beta2), "eps": eps}
    return Optimizers(
        dense_adam([models.embedder, models.generator], generator_lr, **adam, fused=fused),
        dense_adam([models.discriminator], discriminator_lr, **adam, fused=fused),
        SparseAdam(models.video_embeddings.parameters(), lr=discriminator_lr, **adam),
    )


def dense_adam(
    learnt: Iterable[nn.Module | nn.Parameter],
    lr: float,
    betas: tuple[float, float],
    eps: float,
    fused: bool = True,
) -> Adam:
    """Adam over modules and single parameters, in one kernel if `fused`."""
    parameters = [
        parameter
        for item in learnt
        for parameter in (item.parameters() if isinstance(item, nn.Module) else [item])
    ]
    return Adam(parameters, lr=lr, betas=betas, eps=eps, fused=fused)


class LearningRates:
    """Learning rates that fall linearly to 0 at the end of training.

    Args:
        optimizers: their rates of now are the full ones, whatever they are restored with later.
        steps: the rates would be 0 at this step.
        decay: share of the steps over which they fall; 0: they never do.

    Raises:
        ValueError: `decay` is not from 0 to 1.

    Differs from the paper, which keeps them constant.
    """

    def __init__(self, optimizers: Iterable[Optimizer], steps: int, decay: float):
        if not 0 <= decay <= 1:
            raise ValueError(f"--decay must be from 0 to 1, got {decay}")
        self.optimizers = list(optimizers)
        self.full = [optimizer.param_groups[0]["lr"] for optimizer in self.optimizers]
        self.steps, self.decay = steps, decay

    def set(self, step: int) -> None:
        """Set the rates for the step that comes after `step` others."""
        left = min(1.0, (self.steps - step) / (self.decay * self.steps)) if self.decay else 1.0
        for optimizer, rate in zip(self.optimizers, self.full, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate * left


def layout(channels_last: bool) -> torch.memory_format:
    """Name a memory layout of convolutions' weights and maps."""
    return torch.channels_last if channels_last else torch.contiguous_format


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    """Move `average` towards `model`: a <- d a + (1 - d) p, buffers copied.

    Args:
        decay: d, reached gradually: min(decay, (1 + step) / (10 + step)), so that a short run is
            not dominated by its random start.
        step: updates made before.
    """
    decay = min(decay, (1 + step) / (10 + step))
    torch._foreach_lerp_([*average.parameters()], [*model.parameters()], 1 - decay)
    if buffers := [*average.buffers()]:
        torch._foreach_copy_(buffers, [*model.buffers()])


def variation(vectors: Tensor) -> Tensor:
    """Mean distance of vectors (B, N) from their mean, over their mean length: 0 if all alike."""
    vectors = vectors.detach().float()
    length = vectors.norm(dim=1).mean().clamp(min=TINY)  # a collapsed embedding has none
    return (vectors - vectors.mean(dim=0)).norm(dim=1).mean() / length
