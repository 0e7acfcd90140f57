"""Who moves in a step, and what moves it (pitfalls P1, P2, P4, P10, P13, P16, P17, P19, P25)."""

import copy
import math

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from dataset.episode import Episode
from loss.content import ContentLoss
from network.components import SelfAttention
from network.discriminator import VideoEmbeddings
from network.spectral_norm import SpectralNorm
from tests.training.conftest import NETWORKS, VIDEOS, WEIGHTS
from training import steps
from training.finetuning import Learning, initial_person, person_optimizers
from training.models import Optimizers, build_models, build_optimizers
from training.steps import finetune_step, imitation_losses, meta_step, weighted_sum

LEARNING = Learning(1, 2, 5e-5, 2e-4, (0.0, 0.999), 1e-5, 0.0, 2, 0)


def state(module: nn.Module) -> dict[str, torch.Tensor]:
    return copy.deepcopy(dict(module.named_parameters()))


def moved(before: dict[str, torch.Tensor], module: nn.Module) -> set[str]:
    return {k for k, p in module.named_parameters() if not torch.equal(p, before[k])}


def step(models, optimizers, batch, hardware, weights=WEIGHTS, discriminator_steps=2):
    return meta_step(
        models, optimizers, ContentLoss(), batch, weights, discriminator_steps, hardware
    )


def only(name: str) -> dict[str, float]:
    return {key: float(key == name) for key in WEIGHTS}


@pytest.fixture
def gradients(monkeypatch):
    """Record who has a gradient at each update, in place of updating."""
    seen = []

    def record(*optimizers, **_):
        groups = [p for o in optimizers for g in o.param_groups for p in g["params"]]
        seen.append({"updated": {id(p) for p in groups}})
        seen[-1]["with_gradient"] = {
            id(p) for p in record.everything if p.grad is not None and p.grad.abs().sum() > 0
        }
        for p in record.everything:
            p.grad = None
        return {}

    monkeypatch.setattr(steps, "descend", record)
    return seen, record


def identities(*modules: nn.Module) -> set[int]:
    return {id(p) for module in modules for p in module.parameters()}


def test_p1_the_generators_step_gives_no_gradient_to_d_or_w(
    models, optimizers, batch, hardware, gradients
):
    seen, record = gradients
    record.everything = [p for m in models for p in m.parameters()]
    step(models, optimizers, batch, hardware)
    generator_phase, *discriminator_phases = seen
    E, G, D, W = models
    assert generator_phase["with_gradient"] <= identities(E, G)
    assert generator_phase["updated"] == identities(E, G)
    assert len(discriminator_phases) == 2
    for phase in discriminator_phases:
        assert phase["with_gradient"] <= identities(D, W)
        assert phase["updated"] == identities(D, W)
        assert identities(W) <= phase["with_gradient"]


@pytest.mark.parametrize("term", ["adversarial", "feature_matching", "l1"])
def test_p1_p17_each_term_alone_reaches_generator_and_embedder(
    models, optimizers, batch, hardware, gradients, term
):
    seen, record = gradients
    record.everything = [p for m in models for p in m.parameters()]
    with torch.no_grad():  # a fresh attention hides its own layers behind gamma = 0
        for network in models:
            for layer in network.modules():
                if isinstance(layer, SelfAttention):
                    layer.gamma.fill_(0.5)
    step(models, optimizers, batch, hardware, only(term))
    reached = seen[0]["with_gradient"]
    G = models.generator
    weights = {id(p) for k, p in G.named_parameters() if k.endswith("weight.original")}
    assert weights <= reached
    assert identities(models.embedder) & reached


def test_p1_a_step_of_the_adversarial_term_raises_the_fake_score(
    models, optimizers, batch, hardware
):
    E, G, D, W = models

    def score() -> float:
        with torch.no_grad():
            style = G.project(E.embed_video(batch.source, batch.source_landmarks))
            fake = G(batch.target_landmarks, style)
            return D(fake, batch.target_landmarks, D.identity(W(batch.video))).score.mean().item()

    for network in models:
        network.eval()
    before = score()
    for network in models:
        network.train()
    for _ in range(5):
        step(models, optimizers, batch, hardware, only("adversarial"), discriminator_steps=0)
    for network in models:
        network.eval()
    assert score() > before


def test_p2_matching_moves_the_embedder_and_nothing_else(models, optimizers, batch, hardware):
    before = [state(m) for m in models]
    step(models, optimizers, batch, hardware, only("matching"), discriminator_steps=0)
    E, G, D, W = (moved(b, m) for b, m in zip(before, models, strict=True))
    assert E
    assert not D
    assert not W
    assert not G


def test_p10_a_step_moves_exactly_the_batchs_rows_of_w(models, optimizers, batch, hardware):
    before = models.video_embeddings.weight.detach().clone()
    step(models, optimizers, batch, hardware)
    changed = (models.video_embeddings.weight != before).any(dim=1).nonzero().flatten().tolist()
    assert changed == [3, 7]


def test_w_may_lie_in_host_memory_while_the_networks_are_on_a_gpu(batch, hardware, monkeypatch):
    losses = []
    monkeypatch.setattr(steps, "descend", lambda *_, **__: {})
    monkeypatch.setattr(torch.Tensor, "backward", lambda loss: losses.append(loss))
    gpu = torch.device("cuda")
    with FakeTensorMode():  # tensors without content, whose devices are checked: no GPU is needed
        with gpu:
            with monkeypatch.context() as patch:  # all that the networks' weights are is shapes
                patch.setattr(SpectralNorm, "iterate", lambda *_: None)
                models = build_models(VIDEOS, **NETWORKS)
            images = [torch.empty(image.shape) for image in batch[1:]]
        rows = VideoEmbeddings(VIDEOS, models.embedder.embedding_size)
        models = models._replace(video_embeddings=rows)
        step(models, Optimizers(None, None, None), Episode(torch.tensor([3, 7]), *images), hardware)
    assert rows.weight.device.type == "cpu"
    assert [loss.device.type for loss in losses] == ["cuda"] * 3


def test_p13_the_content_loss_reaches_the_embedder(models, optimizers, batch, hardware, gradients):
    seen, record = gradients
    record.everything = [p for m in models for p in m.parameters()]
    step(models, optimizers, batch, hardware, only("l1"), discriminator_steps=0)
    last = models.embedder.layers[-1]
    assert identities(last) <= seen[0]["with_gradient"]


def test_every_generator_term_is_weighted_by_its_own_name():
    losses = {"l1": torch.tensor(1.0), "matching": torch.tensor(10.0)}
    assert weighted_sum(losses, {"l1": 2.0, "matching": 0.5}) == 7.0


def test_a_term_without_a_weight_is_an_error():
    with pytest.raises(KeyError):
        weighted_sum({"surprise": torch.tensor(1.0)}, {"l1": 2.0})


def test_p16_one_batch_is_learnt_by_heart(models, batch, hardware):
    for network in models:
        for layer in network.modules():
            if hasattr(layer, "gain_offset"):
                layer.gain_offset = 1.0
    optimizers = build_optimizers(
        models, generator_lr=2e-3, discriminator_lr=2e-4, beta1=0.0, beta2=0.999, eps=1e-5
    )
    smooth = [nn.functional.avg_pool2d(t.flatten(0, -4), 9, 1, 4) for t in batch[1:]]
    batch = batch._replace(target=2 * smooth[2], target_landmarks=batch.target_landmarks)
    first = step(models, optimizers, batch, hardware, discriminator_steps=1)["l1"]
    for _ in range(24):
        last = step(models, optimizers, batch, hardware, discriminator_steps=1)["l1"]
    assert last < 0.5 * first


def test_p19_fine_tuning_moves_psi_w_and_b_but_not_e_or_p(models, batch, hardware):
    images, landmarks = batch.source[0], batch.source_landmarks[0]
    person = initial_person(models, images, landmarks, row_norm=1.0, rescale=2.0)
    optimizers = person_optimizers(person, LEARNING)
    before_e, before_g = state(models.embedder), state(models.generator)
    style, identity = person.head.style.detach().clone(), person.identity.detach().clone()
    with torch.no_grad():  # within both margins the two hinge terms pull b equally
        person.discriminator.linear.bias.fill_(100.0)
    bias = person.discriminator.linear.bias.detach().clone()
    finetune_step(person, optimizers, ContentLoss(), images, landmarks, WEIGHTS, 2, hardware)
    assert (person.head.style != style).float().mean() > 0.5
    assert (person.identity != identity).any()
    assert (person.discriminator.linear.bias != bias).all()
    assert not moved(before_e, models.embedder)
    learnt = moved(before_g, models.generator)
    assert not any(name.startswith("projection") for name in learnt)
    assert any(name.startswith("down") for name in learnt)


def test_fine_tuning_starts_exactly_at_the_feed_forward_output(models, batch):
    E, G, *_ = (m.eval() for m in models)
    images, landmarks = batch.source[0], batch.source_landmarks[0]
    with torch.no_grad():
        style = G.project(E.embed_video(images[None], landmarks[None]))
        wanted = G(landmarks, style.expand(len(landmarks), -1))
    person = initial_person(models, images, landmarks, row_norm=1.0, rescale=2.0)
    assert torch.equal(person.head.draw(landmarks), wanted)


def test_p25_a_long_embedding_is_cut_to_the_mean_row_norm(models, batch):
    images, landmarks = batch.source[0], batch.source_landmarks[0]
    row_norm = models.video_embeddings.mean_norm()
    with torch.no_grad():
        embedding = models.embedder.eval().embed_video(images[None], landmarks[None])
    assert embedding.norm() > 2 * row_norm, "the case that needs rescaling"
    person = initial_person(models, images, landmarks, row_norm, rescale=2.0)
    added = person.identity - models.discriminator.linear.weight
    assert math.isclose(added.norm().item(), row_norm, rel_tol=1e-5)
    direction = torch.cosine_similarity(added, embedding).item()
    assert math.isclose(direction, 1.0, rel_tol=1e-5)


def test_p25_a_short_embedding_is_added_as_it_is(models, batch):
    images, landmarks = batch.source[0], batch.source_landmarks[0]
    with torch.no_grad():
        embedding = models.embedder.eval().embed_video(images[None], landmarks[None])
    long_row = embedding.norm().item()
    person = initial_person(models, images, landmarks, long_row, rescale=2.0)
    expected = embedding + models.discriminator.linear.weight
    torch.testing.assert_close(person.identity.data, expected.data)


def test_p25_first_fine_tuning_scores_have_the_size_seen_in_training(models, batch, hardware):
    D, W = models.discriminator, models.video_embeddings
    images, landmarks = batch.source[0], batch.source_landmarks[0]
    person = initial_person(models, images, landmarks, W.mean_norm(), rescale=2.0)
    with torch.no_grad():
        seen = D(images, landmarks, D.identity(W.weight[:3])).score.abs().max()
        unscaled = D(images, landmarks, D.identity(person.identity * 0 + 100)).score.abs().max()
        first = D(images, landmarks, person.identity).score.abs().max()
    assert first < 20 * seen < unscaled


def test_real_features_get_no_graph_in_the_generators_step(models, batch):
    D = models.discriminator.requires_grad_(False)
    fake = batch.target.clone().requires_grad_(True)
    identity = D.identity(torch.zeros(2, 32))
    losses = imitation_losses(
        D, ContentLoss(), fake, batch.target, batch.target_landmarks, identity
    )
    assert losses["feature_matching"] == 0.0
    assert losses["l1"] == 0.0
    gradient = torch.autograd.grad(losses["adversarial"], fake)[0]
    assert gradient.abs().sum() > 0
