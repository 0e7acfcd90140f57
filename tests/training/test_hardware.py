"""Each way to make a step faster or smaller against the plain float32 one: the same is learnt."""

import copy

import pytest
import torch

from loss.content import ContentLoss
from network.spectral_norm import SpectralNorm, iterate_at_every_forward, spectral_norms
from tests.training.conftest import NETWORKS, VIDEOS, WEIGHTS, make_batch, make_models
from training.compilation import compile_networks
from training.hardware import Hardware
from training.models import Models, build_models, build_optimizers
from training.steps import Losses, meta_step

PLAIN = Hardware(torch.device("cpu"), torch.float32, joint_judgement=False)
# With an epsilon far above all gradients Adam's update is proportional to the gradient: it does not
# blow rounding up, as its usual update does where a gradient is nearly 0.
ROUNDING = 1e-7  # of one parameter
RATES = {"generator_lr": 1e-2, "discriminator_lr": 1e-2, "beta1": 0.0, "beta2": 0.999, "eps": 1.0}


@pytest.fixture(scope="module")
def settled() -> Models:
    """Networks whose spectral norms have converged, with attention and blocks switched on."""
    models = make_models()
    for name, parameter in models.generator.named_parameters():
        if name.endswith("gamma"):
            torch.nn.init.constant_(parameter, 0.5)
    for norm, weight in spectral_norms(*models):
        for _ in range(300):
            norm.iterate(weight)
    return models


@pytest.fixture(scope="module")
def wanted(settled: Models) -> tuple[dict[str, torch.Tensor], Losses]:
    """What the plain steps teach them."""
    return learnt(settled, make_batch())


def learnt(
    models: Models,
    batch,
    hardware: Hardware = PLAIN,
    *,
    channels_last: bool = False,
    fused: bool = False,
    per_forward: bool = True,
    backend: str | None = None,
    compiled: int = 3,
    steps: int = 2,
) -> tuple[dict[str, torch.Tensor], Losses]:
    """Copy the networks, take steps, and return how each parameter has moved, and the losses.

    Args:
        compiled: of the networks, if there is a backend; and then the content loss.
    """
    start = {k: p.clone() for m in models for k, p in named(m)}
    models = Models(*copy.deepcopy(tuple(models)))
    models.to(torch.device("cpu"), channels_last=channels_last)
    if per_forward:
        iterate_at_every_forward(*models)
    optimizers = build_optimizers(models, **RATES, fused=fused)
    content = ContentLoss()
    if backend is not None:
        rest = [torch.nn.Identity()] * (3 - compiled)
        compile_networks(Models(*models[:compiled], *rest, models[3]), content, backend)
    for _ in range(steps):
        losses = meta_step(models, optimizers, content, batch, WEIGHTS, 2, hardware)
    return {k: p.detach() - start[k] for m in models for k, p in named(m)}, losses


def named(network: torch.nn.Module):
    return ((f"{type(network).__name__}.{k}", p) for k, p in network.named_parameters())


WAYS = {
    "channels last": {"channels_last": True},
    "fused optimiser": {"fused": True},
    "joint judgement": {"hardware": PLAIN._replace(joint_judgement=True)},
    "one power iteration per update": {"per_forward": False},
    "gradient accumulation": {"hardware": PLAIN._replace(parts=2)},
    "checkpointed embedder": {"hardware": PLAIN._replace(checkpoint_embedder=True)},
    "compiled embedder": {"backend": "aot_eager", "compiled": 1, "per_forward": False},
    "compiled": {"backend": "aot_eager", "per_forward": False},
    "all at once": {
        "hardware": PLAIN._replace(joint_judgement=True, parts=2, checkpoint_embedder=True),
        "channels_last": True,
        "fused": True,
        "per_forward": False,
    },
}


@pytest.mark.parametrize(
    "way",
    [pytest.param(way, marks=[pytest.mark.slow] if way == "compiled" else []) for way in WAYS],
)
def test_what_is_learnt_equals_the_plain_steps_to_rounding(settled, wanted, batch, way):
    options = {"per_forward": way != "gradient accumulation"} | WAYS[way]
    moves, plain = wanted
    found, losses = learnt(settled, batch, **options)
    assert losses.keys() == plain.keys()
    for name, value in plain.items():
        torch.testing.assert_close(losses[name], value, rtol=1e-3, atol=1e-4, msg=name)
    for name, move in moves.items():
        error = (found[name] - move).norm()
        rounding = ROUNDING * move.numel() ** 0.5
        assert error < 0.1 * move.norm() + rounding, (name, error, move.norm())


def test_bfloat16_learns_the_same_to_its_own_rounding(settled, batch):
    wanted, plain = learnt(settled, batch, steps=1)
    found, losses = learnt(settled, batch, PLAIN._replace(dtype=torch.bfloat16), steps=1)
    for name in ("l1", "feature_matching", "matching", "discriminator"):
        torch.testing.assert_close(losses[name], plain[name], rtol=3e-2, atol=3e-2)
    for network in ("Embedder", "Generator", "Discriminator"):
        pair = [
            torch.cat([v.flatten() for k, v in moves.items() if k.startswith(network)])
            for moves in (found, wanted)
        ]
        assert torch.cosine_similarity(*pair, dim=0) > 0.95, network


def test_an_embedder_that_is_checkpointed_keeps_its_pictures_and_no_activations(models, batch):
    def kept(checkpointed: bool) -> int:
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda tensor: sizes.append(tensor.numel()) or tensor, lambda tensor: tensor
        ):
            models.embedder.embed_video(batch.source, batch.source_landmarks, checkpointed)
        return sum(sizes)

    pictures = batch.source.numel() + batch.source_landmarks.numel()
    assert kept(True) == pictures < 0.2 * kept(False)


@pytest.mark.parametrize("parts", [1, 2])
def test_spectral_norms_iterate_once_per_update_however_a_batch_is_computed(models, batch, parts):
    rates = {**RATES, "generator_lr": 1e-30, "discriminator_lr": 1e-30}  # nothing else moves
    optimizers = build_optimizers(models, **rates, fused=False)
    before = copy.deepcopy(tuple(models))
    hardware = PLAIN._replace(parts=parts, checkpoint_embedder=True)
    meta_step(models, optimizers, ContentLoss(), batch, WEIGHTS, 2, hardware)
    for network, old, updates in zip(models[:3], before, (1, 1, 2), strict=False):
        pairs = list(zip(spectral_norms(network), spectral_norms(old), strict=True))
        moved = 0
        for (norm, _), (wanted, weight) in pairs:
            start = wanted._u.clone()
            for _ in range(updates):
                wanted.iterate(weight)
            torch.testing.assert_close(norm._u, wanted._u)
            torch.testing.assert_close(norm._v, wanted._v)
            moved += not torch.equal(start, wanted._u)
        assert moved > 0.9 * len(pairs)


def test_spectral_norms_iterate_at_every_forward_pass_when_told_to():
    models = build_models(VIDEOS, **NETWORKS)
    iterate_at_every_forward(*models)
    norms = [m for n in models for m in n.modules() if isinstance(m, SpectralNorm)]
    assert norms and all(norm.per_forward for norm in norms)
    assert not SpectralNorm.per_forward
