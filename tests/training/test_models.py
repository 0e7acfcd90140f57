"""Optimisers and the running average (pitfalls P10, P20)."""

import copy

import pytest
import torch
from torch import nn

from training.models import LearningRates, update_average, variation


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


def test_variation_is_zero_when_all_embeddings_are_alike():
    assert variation(torch.ones(4, 8)) == 0.0
    assert variation(torch.zeros(4, 8)) == 0.0, "a collapsed embedding is no reason to stop"
    assert variation(torch.tensor([[3.0, 1.0], [3.0, -1.0]])) == pytest.approx(10**-0.5)
    assert variation(torch.tensor([[3.0, 1.0], [3.0, -1.0]]) * 7) == pytest.approx(10**-0.5)


def rates_of(optimizers):
    return [group["lr"] for optimizer in optimizers for group in optimizer.param_groups]


def test_learning_rates_stay_as_they_are_unless_told_otherwise(optimizers):
    full = rates_of(optimizers)
    rates = LearningRates(optimizers, 10, decay=0.0)
    for step in range(10):
        rates.set(step)
        assert rates_of(optimizers) == full


def test_learning_rates_fall_linearly_over_the_last_share_of_the_steps(optimizers):
    full = rates_of(optimizers)
    rates = LearningRates(optimizers, 10, decay=0.4)
    seen = []
    for step in range(10):
        rates.set(step)
        seen.append([now / rate for now, rate in zip(rates_of(optimizers), full, strict=True)])
    torch.testing.assert_close([row[0] for row in seen], [1.0] * 7 + [0.75, 0.5, 0.25])
    assert all(row == [row[0]] * 3 for row in seen)


def test_a_restored_rate_is_not_taken_for_the_full_one(optimizers):
    full = rates_of(optimizers)
    rates = LearningRates(optimizers, 10, decay=0.5)
    for optimizer in optimizers:
        optimizer.param_groups[0]["lr"] *= 0.1
    rates.set(0)
    assert rates_of(optimizers) == full


def test_a_fall_over_more_than_all_steps_is_refused(optimizers):
    with pytest.raises(ValueError, match=r"--decay must be from 0 to 1, got 1\.5"):
        LearningRates(optimizers, 10, decay=1.5)
