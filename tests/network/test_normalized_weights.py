"""Spectral norms that are worked out together are what each layer's own would be."""

import copy
import weakref

import pytest
import torch
from torch import Tensor, nn

from network.components import conv
from network.discriminator import Discriminator
from network.normalized_weights import NormalizedWeights
from network.spectral_norm import (
    SpectralNorm,
    iterate_at_every_forward,
    spectral_norm,
    spectral_norms,
)

LAYOUTS = [torch.contiguous_format, torch.channels_last]


@pytest.fixture
def pictures() -> tuple[Tensor, Tensor, Tensor]:
    """An image, its landmarks and an identity, for the discriminator."""
    return *(torch.rand(2, 2, 3, 64, 64) * 2 - 1), torch.randn(2, 16)


@pytest.fixture(params=LAYOUTS)
def pair(request) -> tuple[Discriminator, Discriminator]:
    """Two equal discriminators; layers of many shapes, with attention."""
    torch.manual_seed(0)
    network = Discriminator(image_size=64, channels=4, max_channels=16)
    nn.init.constant_(network.attention.gamma, 0.5)
    network.to(memory_format=request.param)
    return network, copy.deepcopy(network)


def score(network: Discriminator, pictures: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    return network(*pictures).score.sum()


def norms_of(network: nn.Module) -> list[SpectralNorm]:
    return [norm for norm, _ in spectral_norms(network)]


def test_an_update_together_equals_one_layer_by_layer(pair, pictures):
    together, apart = pair
    normalized = NormalizedWeights(together)
    normalized.power_iteration()
    for norm, weight in spectral_norms(apart):
        norm.iterate(weight)
    with normalized.in_use():
        scores = [score(network, pictures) for network in pair]
    torch.testing.assert_close(*scores)
    for value in scores:
        value.backward()
    for (name, found), (_, wanted) in zip(*(n.named_parameters() for n in pair), strict=True):
        if wanted.grad is not None:  # that of w_0 has none: the identity was passed in
            torch.testing.assert_close(found.grad, wanted.grad, msg=name)
            assert found.grad.stride() == found.stride(), name
    for found, wanted in zip(together.buffers(), apart.buffers(), strict=True):
        torch.testing.assert_close(found, wanted)


def test_without_an_iteration_the_singular_vectors_are_taken_as_they_are(pair, pictures):
    together, apart = pair
    with NormalizedWeights(together).in_use(), torch.no_grad():
        torch.testing.assert_close(score(together, pictures), score(apart, pictures))
    assert all(map(torch.equal, together.buffers(), apart.buffers()))


def test_frozen_layers_stay_as_they_are_beside_learnt_ones_and_get_no_gradient(pair, pictures):
    learnt, frozen = pair
    frozen.requires_grad_(False)
    with torch.no_grad():  # so that an iteration has something to find
        for network in pair:
            for _, weight in spectral_norms(network):
                weight.add_(0.1 * torch.randn_like(weight))
    before = [norm._u.clone() for norm in norms_of(frozen)]
    normalized = NormalizedWeights(learnt, frozen)
    normalized.power_iteration()
    assert all(map(torch.equal, before, [norm._u for norm in norms_of(frozen)]))
    with normalized.in_use():
        assert not frozen.blocks[0].conv1.weight.requires_grad
        (score(learnt, pictures) + score(frozen, pictures)).backward()
    assert learnt.blocks[0].conv1.parametrizations.weight.original.grad is not None


def test_each_use_has_a_graph_of_its_own(pair, pictures):
    network, _ = pair
    weight = network.blocks[0].conv1.parametrizations.weight.original
    normalized = NormalizedWeights(network)
    normalized.power_iteration()
    gradients = []
    for _ in range(2):
        with normalized.in_use():
            score(network, pictures).backward()
        gradients.append(weight.grad.clone())
    torch.testing.assert_close(gradients[1], 2 * gradients[0])


def test_outside_the_block_layers_are_themselves_again_even_after_an_error(pair):
    network, _ = pair
    normalized = NormalizedWeights(network)
    with pytest.raises(ZeroDivisionError), normalized.in_use():
        assert all(norm.normalized is not None for norm in norms_of(network) if not norm.exact)
        raise ZeroDivisionError
    assert all(norm.normalized is None for norm in norms_of(network))
    copy.deepcopy(network)


def test_weights_are_rounded_as_autocast_would_and_w_0_is_not(pair):
    network, _ = pair
    layer = network.blocks[1].conv1
    wanted = layer.weight.bfloat16()
    with NormalizedWeights(network, dtype=torch.bfloat16).in_use():
        torch.testing.assert_close(layer.weight, wanted)
        assert network.linear.weight.dtype == torch.float32


def test_layers_that_iterate_at_every_forward_pass_go_on_by_themselves(pair):
    network, _ = pair
    iterate_at_every_forward(network)
    before = [norm._u.clone() for norm in norms_of(network)]
    normalized = NormalizedWeights(network)
    normalized.power_iteration()
    with normalized.in_use():
        assert all(norm.normalized is None for norm in norms_of(network))
    assert all(map(torch.equal, before, [norm._u for norm in norms_of(network)]))


def test_networks_without_spectral_norms_need_nothing():
    normalized = NormalizedWeights(conv(2, 2, 3, bias=True, norm=False))
    normalized.power_iteration()
    with normalized.in_use():
        pass


def test_a_weight_of_nothing_but_zeros_gives_no_endless_vectors():
    layer = conv(2, 2, 3, bias=True, norm=True)
    nn.init.zeros_(layer.parametrizations.weight.original)
    NormalizedWeights(layer).power_iteration()
    (norm,) = norms_of(layer)
    assert norm._u.isfinite().all() and norm._v.isfinite().all()


@pytest.mark.parametrize("layout", ["outputs innermost", "with gaps"])
def test_weights_that_lie_in_memory_in_an_unusual_way_go_on_by_themselves(layout):
    layer = nn.Linear(4, 6)
    weight = torch.randn(4, 6).t() if layout == "outputs innermost" else torch.randn(6, 8)[:, ::2]
    layer.weight = nn.Parameter(weight)
    spectral_norm(layer)
    wanted = layer.weight.detach()
    with NormalizedWeights(layer).in_use():
        torch.testing.assert_close(layer.weight.detach(), wanted)
        layer(torch.ones(1, 4)).sum().backward()


def test_layers_that_were_not_used_get_no_gradient(pictures):
    used, other = (conv(3, 2, 3, bias=True, norm=True) for _ in range(2))
    with NormalizedWeights(used, other).in_use():
        used(pictures[0]).sum().backward()
    assert used.parametrizations.weight.original.grad.abs().sum() > 0
    assert other.parametrizations.weight.original.grad is None


def test_a_weight_that_is_changed_before_the_backward_pass_is_complained_of(pictures):
    layer = conv(3, 2, 3, bias=True, norm=True)
    with NormalizedWeights(layer).in_use():
        total = layer(pictures[0]).sum()
        with torch.no_grad():
            layer.parametrizations.weight.original.mul_(2)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            total.backward()


def test_a_loss_that_is_kept_keeps_no_weights(pictures):
    layer = conv(3, 2, 3, bias=True, norm=True)
    normalized = NormalizedWeights(layer)
    with normalized.in_use():
        total = layer(pictures[0]).sum()
        total.backward()
    values = weakref.ref(normalized.learnt.values)
    del normalized
    assert total.grad_fn is not None and values() is None
