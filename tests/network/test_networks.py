"""The networks are the paper's (Sec. 2.8 of the reference) and avoid the known pitfalls."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from network.components import (
    AdaIN,
    SelfAttention,
    conv,
    sum_pool,
)
from network.discriminator import Discriminator, VideoEmbeddings
from network.embedder import Embedder
from network.generator import Generator
from network.normalized_weights import NormalizedWeights
from network.spectral_norm import SpectralNorm, made_to_be_loaded, spectral_norm

SMALL = {"channels": 8, "max_channels": 32}


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def noise(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(3)) * 2 - 1


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.mark.parametrize(
    ("attention", "counts"),
    [(False, (14_825_024, 37_909_443, 19_545_153)), (True, (14_907_265, 38_073_925, 19_627_394))],
)
def test_parameter_counts_are_the_papers(attention, counts):
    with made_to_be_loaded():
        networks = [kind(attention=attention) for kind in (Embedder, Generator, Discriminator)]
    assert tuple(map(count, networks)) == counts
    assert networks[1].style_size == 13_056
    assert count(networks[1].projection) == 6_697_728


def test_at_224_pixels_the_discriminator_has_the_authors_count():
    assert count(Discriminator(image_size=224, attention=False)) == 19_282_497


def test_p17_the_discriminator_gives_seven_maps_of_the_papers_shapes():
    D = Discriminator().eval()
    with torch.no_grad():
        critique = D(noise(1, 3, 256, 256), noise(1, 3, 256, 256), noise(1, 512))
    shapes = [(m.shape[1], m.shape[2]) for m in critique.features]
    assert shapes == [(64, 128), (128, 64), (256, 32), (512, 16), (512, 8), (512, 4), (512, 4)]
    assert critique.score.shape == (1,)


@pytest.mark.parametrize("size", [64, 128, 224])
def test_other_image_sizes_work(size):
    E = Embedder(image_size=size, **SMALL)
    G = Generator(image_size=size, embedding_size=32, **SMALL)
    D = Discriminator(image_size=size, **SMALL)
    image = noise(2, 3, size, size)
    embedding = E(image, image)
    fake = G(image, G.project(embedding))
    critique = D(fake, image, D.identity(embedding))
    assert fake.shape == image.shape
    assert fake.abs().max() <= 1
    assert len(critique.features) == 7


@pytest.mark.parametrize(
    ("size", "bottleneck", "side"),
    [(64, 16, 16), (128, 16, 16), (224, 16, 14), (256, 16, 16), (512, 16, 16), (64, 4, 4)],
)
def test_the_generators_smallest_maps_say_where_eyes_are_at_every_size(size, bottleneck, side):
    G = Generator(image_size=size, bottleneck=bottleneck, embedding_size=32, **SMALL).eval()
    seen = []
    for module in G.modules():
        if isinstance(module, SelfAttention):
            module.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].shape[-1]))
    landmarks = noise(1, 3, size, size)
    with torch.no_grad():
        assert G.down(landmarks).shape[-1] == side
        assert G(landmarks, noise(1, G.style_size)).shape == landmarks.shape
    assert seen == [2 * side, 2 * side, 4 * side]


def test_a_bottleneck_that_leaves_no_two_down_blocks_is_refused():
    with pytest.raises(ValueError, match="bottleneck must be at most 16, got 32"):
        Generator(image_size=64, bottleneck=32)


def test_a_size_that_cannot_be_halved_down_to_the_bottleneck_is_refused():
    with pytest.raises(ValueError, match="must be a multiple of 64 for a bottleneck of 4, got 224"):
        Generator(image_size=224, bottleneck=4)


def test_every_conv_and_linear_has_spectral_norm_and_w_has_none():
    for network in (
        Embedder(**SMALL),
        Generator(embedding_size=32, **SMALL),
        Discriminator(**SMALL),
    ):
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                assert parametrize.is_parametrized(layer, "weight")
                assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2) < 1.35
    assert not parametrize.is_parametrized(VideoEmbeddings(3, 8))


def test_spectral_norm_equals_pytorchs_when_it_iterates_at_every_forward_pass():
    layer = nn.Conv2d(4, 6, 3)
    theirs = torch.nn.utils.parametrizations.spectral_norm(copy.deepcopy(layer), eps=1e-4)
    spectral_norm(layer)
    (ours,), (reference,) = layer.parametrizations.weight, theirs.parametrizations.weight
    ours.load_state_dict(reference.state_dict())
    ours.per_forward = True
    for _ in range(3):
        torch.testing.assert_close(layer.weight, theirs.weight)
        torch.testing.assert_close(ours._u, reference._u)
        torch.testing.assert_close(ours._v, reference._v)
    ours.eval()
    before = ours._u.clone()
    assert torch.equal(layer.weight, layer.weight) and torch.equal(ours._u, before)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_gradient_of_spectral_norm_equals_autograds(layout):
    weight = noise(6, 4, 3, 3).to(memory_format=layout).requires_grad_()
    norm = SpectralNorm(weight, initial_iterations=1)
    toward = noise(6, 4, 3, 3).flip(0)
    sigma = norm._u @ (weight.flatten(1) @ norm._v)
    (wanted,) = torch.autograd.grad((weight / sigma * toward).sum(), weight)
    (found,) = torch.autograd.grad((norm(weight) * toward).sum(), weight)
    torch.testing.assert_close(found, wanted)
    assert found.is_contiguous(memory_format=layout)


def test_spectral_norm_is_the_same_in_either_memory_layout():
    weight = noise(6, 4, 3, 3)
    norm = SpectralNorm(weight)
    other = copy.deepcopy(norm)
    last = weight.to(memory_format=torch.channels_last)
    norm.iterate(weight)
    other.iterate(last)
    torch.testing.assert_close(norm._v, other._v)
    torch.testing.assert_close(norm(weight), other(last))


def test_power_iterations_move_the_layers_that_are_learnt_and_forward_passes_move_none():
    network = nn.Sequential(*(conv(4, 4, 3, bias=True, norm=True) for _ in range(2)))
    network[1].requires_grad_(False)

    def u() -> list[torch.Tensor]:
        return [layer.parametrizations.weight[0]._u.clone() for layer in network]

    with torch.no_grad():  # so that an iteration has something to find
        for layer in network:
            layer.parametrizations.weight.original.normal_()
    before = u()
    network(noise(1, 4, 8, 8))
    assert all(map(torch.equal, before, u()))
    NormalizedWeights(network).power_iteration()
    assert [torch.equal(*pair) for pair in zip(before, u(), strict=True)] == [False, True]


def test_networks_that_are_made_to_be_loaded_are_what_is_loaded_and_draw_the_same_numbers():
    def made() -> tuple[nn.Module, torch.Tensor]:
        torch.manual_seed(0)
        return Embedder(image_size=64, **SMALL), torch.rand(1)

    usual, next_number = made()
    with made_to_be_loaded():
        fast, number = made()
    assert number == next_number
    states = [network.state_dict() for network in (usual, fast)]
    same = [name for name, value in states[0].items() if torch.equal(value, states[1][name])]
    different = {name for name in states[0] if name.endswith(("._u", "._v"))}
    assert states[0].keys() - set(same) == different
    fast.load_state_dict(states[0])
    assert all(torch.equal(value, states[0][name]) for name, value in fast.state_dict().items())
    assert not SpectralNorm.to_be_loaded


def test_adain_reads_biases_first_then_gains():
    x = noise(1, 2, 4, 4)
    style = torch.tensor([[10.0, 20.0, 0.0, 3.0]])
    out = AdaIN(2)(x, style)
    assert torch.allclose(out[0, 0], torch.tensor(10.0))
    torch.testing.assert_close(out[0, 1].mean(), torch.tensor(20.0))
    torch.testing.assert_close(out[0, 1].std(correction=0), torch.tensor(3.0), atol=0.01, rtol=0)
    shifted = AdaIN(2, gain_offset=1.0)(x, style)
    torch.testing.assert_close(
        shifted[0, 1].std(correction=0), torch.tensor(4.0), atol=0.01, rtol=0
    )


@pytest.mark.parametrize("enabled", [False, True])
def test_p3_a_constant_input_gives_finite_outputs_and_gradients(enabled):
    G = Generator(embedding_size=32, **SMALL)
    style = noise(1, G.style_size).requires_grad_(True)
    with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
        out = G(torch.full((1, 3, 64, 64), -1.0), style)
    out.square().mean().backward()
    assert out.isfinite().all()
    assert style.grad.isfinite().all()
    assert all(p.grad.isfinite().all() for p in G.parameters() if p.grad is not None)


def test_p7_sum_pooling_of_a_doubled_map_gives_four_times_the_value():
    small, large = torch.ones(1, 2, 4, 4), torch.ones(1, 2, 8, 8)
    assert torch.equal(sum_pool(large), 4 * sum_pool(small))
    x = noise(1, 2, 4, 4)
    torch.testing.assert_close(sum_pool(x), x.clamp(min=0).sum((2, 3)))


def test_p7_the_embedding_is_the_explicit_sum_and_a_mean_over_frames():
    E = Embedder(image_size=64, **SMALL).eval()
    images, landmarks = noise(2, 3, 3, 64, 64), noise(2, 3, 3, 64, 64)
    expected = E.layers(torch.cat([landmarks[0], images[0]], 1)).clamp(min=0).sum((2, 3)).mean(0)
    torch.testing.assert_close(E.embed_video(images, landmarks)[0], expected)


def test_p9_embedder_and_discriminator_have_no_norm_layers():
    for network in (Embedder(**SMALL), Discriminator(**SMALL)):
        assert not [m for m in network.modules() if "Norm" in type(m).__name__ and
                    not isinstance(m, SpectralNorm)]  # fmt: skip
    E = Embedder(image_size=64, **SMALL).eval()
    image = noise(1, 3, 64, 64)
    assert not torch.allclose(E(image, image), E(0.5 * image, image), rtol=1e-3)


def test_p12_each_slice_of_the_style_changes_the_output_and_they_tile_it():
    G = Generator(embedding_size=32, attention=False, **SMALL).eval()
    landmarks, style = noise(1, 3, 64, 64), noise(1, G.style_size)
    sizes = [s for block in G.styled for s in block.style_sizes] + [G.norm.style_size]
    assert len(sizes) == 17
    assert sum(sizes) == G.style_size
    with torch.no_grad():
        before = G(landmarks, style)
        start = 0
        for size in (half for s in sizes for half in (s // 2, s // 2)):
            changed = style.clone()
            changed[:, start : start + size] += 1.0
            assert (G(landmarks, changed) - before).abs().max() > 1e-5, start
            start += size
    assert start == G.style_size


def test_p13_swapping_embeddings_in_a_batch_changes_the_images():
    G = Generator(embedding_size=32, **SMALL).eval()
    landmarks = noise(1, 3, 64, 64).expand(2, -1, -1, -1)
    embedding = noise(2, 32) * 5
    one, other = G(landmarks, G.project(embedding)), G(landmarks, G.project(embedding.flip(0)))
    assert (one - other).abs().max() > 1e-2
    torch.testing.assert_close(one.flip(0), other)


def test_p22_no_block_changes_its_input():
    E = Embedder(image_size=64, **SMALL)
    x = noise(1, 6, 64, 64)
    for layer in E.layers:
        kept = x.clone()
        out = layer(x)
        assert torch.equal(x, kept)
        x = out.detach()


def test_p24_the_style_can_move_the_brightness_of_the_image():
    G = Generator(embedding_size=32, **SMALL).eval()
    landmarks, style = noise(1, 3, 64, 64), torch.zeros(1, G.style_size)
    with torch.no_grad():
        before = G(landmarks, style).mean((0, 2, 3))
        style[:, -G.norm.style_size : -G.norm.style_size // 2] = 2.0  # the last layer's biases
        after = G(landmarks, style).mean((0, 2, 3))
    assert (after - before).abs().max() > 0.2


def test_judging_a_pair_equals_judging_each():
    D = Discriminator(image_size=64, **SMALL).eval()
    fake, real, landmarks = noise(3, 2, 3, 64, 64)
    identity = noise(2, 32)
    pair = D.judge_pair(fake, real, landmarks, identity)
    for judged, image in zip(pair, (fake, real), strict=True):
        alone = D(image, landmarks, identity)
        torch.testing.assert_close(judged.score, alone.score)
        for a, b in zip(judged.features, alone.features, strict=True):
            torch.testing.assert_close(a, b)


def test_p8_the_score_is_linear_in_the_identity_and_unbounded():
    D = Discriminator(image_size=64, **SMALL).eval()
    image, identity = noise(1, 3, 64, 64), noise(1, 32)
    one, ten = (D(image, image, identity * factor).score - D.linear.bias for factor in (1, 1e3))
    torch.testing.assert_close(ten, 1e3 * one)
    assert ten.abs() > 1


def test_p10_gradients_of_w_are_sparse_and_only_in_the_batchs_rows():
    W = VideoEmbeddings(100, 8)
    W(torch.tensor([3, 42])).sum().backward()
    assert W.weight.grad.is_sparse
    assert W.weight.grad.coalesce().indices().flatten().tolist() == [3, 42]
    assert W.weight.abs().max() <= 0.1


def test_the_authors_relu_skip_can_be_had():
    raw = Embedder(image_size=64, **SMALL)
    theirs = Embedder(image_size=64, relu_skip=True, **SMALL)
    theirs.load_state_dict(raw.state_dict())
    x = noise(1, 8, 8, 8)
    raw.eval(), theirs.eval()
    assert not torch.equal(raw.layers[1](x), theirs.layers[1](x))
    assert torch.equal(raw.layers[1](x.relu()), theirs.layers[1](x))
