"""Tiny networks and a batch of drawn noise: enough to see who moves in a step."""

import pytest
import torch

from dataset.episode import Episode
from training.hardware import Hardware
from training.models import Models, Optimizers, build_models, build_optimizers

VIDEOS, SIZE = 12, 64
WEIGHTS = {"l1": 20.0, "adversarial": 1.0, "feature_matching": 10.0, "matching": 10.0}
NETWORKS = {
    "image_size": SIZE, "channels": 8, "max_channels": 32, "bottleneck": 4, "attention": True
}  # fmt: skip


def make_models() -> Models:
    torch.manual_seed(0)
    return build_models(VIDEOS, **NETWORKS)


def make_batch() -> Episode:
    torch.manual_seed(1)
    images = [torch.rand(2, 3, 3, SIZE, SIZE) * 2 - 1 for _ in range(2)]
    targets = [torch.rand(2, 3, SIZE, SIZE) * 2 - 1 for _ in range(2)]
    return Episode(torch.tensor([3, 7]), *images, *targets)


@pytest.fixture
def models() -> Models:
    return make_models()


@pytest.fixture
def optimizers(models: Models) -> Optimizers:
    return build_optimizers(
        models, generator_lr=5e-5, discriminator_lr=2e-4, beta1=0.0, beta2=0.999, eps=1e-5
    )


@pytest.fixture
def batch() -> Episode:
    return make_batch()


@pytest.fixture
def hardware() -> Hardware:
    return Hardware(torch.device("cpu"), torch.float32)
