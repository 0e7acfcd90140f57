"""Optimisers and the running average (pitfalls P10, P20)."""

import copy

import torch
from torch import nn

from training.models import spread, update_average


def test_p20_the_average_follows_its_formula_and_copies_buffers():
    model, average = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    with torch.no_grad():
        model.weight.fill_(2.0)
        average.weight.fill_(1.0)
        model.running_mean.fill_(5.0)
    update_average(average, model, decay=0.9, step=10_000)
    torch.testing.assert_close(average.weight.data, torch.full((2,), 1.1))
    assert (average.running_mean == 5.0).all()


def test_the_average_follows_quickly_at_the_start():
    model, average = nn.Linear(1, 1), nn.Linear(1, 1)
    with torch.no_grad():
        model.weight.fill_(1.0)
        average.weight.fill_(0.0)
    update_average(average, model, decay=0.999, step=0)
    torch.testing.assert_close(average.weight.data, torch.full((1, 1), 0.9))


def test_p20_networks_with_spectral_norm_can_be_copied_after_a_forward_pass(models, batch):
    models.generator(batch.target_landmarks, torch.zeros(2, models.generator.style_size)).sum()
    copied = copy.deepcopy(models.generator)
    copied.load_state_dict(models.generator.state_dict())
    assert copied.state_dict().keys() == models.generator.state_dict().keys()


def test_w_is_learnt_by_its_own_sparse_optimiser(models, optimizers):
    learnt = {id(p) for group in optimizers.generator.param_groups for p in group["params"]}
    learnt |= {id(p) for group in optimizers.discriminator.param_groups for p in group["params"]}
    row = models.video_embeddings.weight
    assert id(row) not in learnt
    assert isinstance(optimizers.video_embeddings, torch.optim.SparseAdam)
    everything = {id(p) for model in models for p in model.parameters()}
    assert everything == learnt | {id(row)}


def test_spread_is_zero_when_all_embeddings_are_alike():
    assert spread(torch.ones(4, 8)) == 0.0
    assert spread(torch.tensor([[0.0], [2.0]])) == 1.0
