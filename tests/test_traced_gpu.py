"""A GPU's devices and types, traced where there is none: its tensors have no values.

What is not seen here: gradients, kernels, speed; `make gpu-check` is for these.
"""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from loss.content import ContentLoss
from metric.detail import detail
from metric.expression import expression_error
from metric.geometry import landmark_error
from metric.motion import flicker, landmark_jitter
from metric.pixels import l1, psnr
from metric.ssim import ssim
from training.models import Models, build_models
from training.steps import hinge_losses, imitation_losses

SIZE = 64


@pytest.fixture
def gpu() -> Iterator[torch.device]:
    """A GPU, and its autocast."""
    torch.set_autocast_enabled("cuda", True)
    torch.set_autocast_dtype("cuda", torch.bfloat16)
    try:
        with FakeTensorMode():
            yield torch.device("cuda", 0)
    finally:
        torch.set_autocast_enabled("cuda", False)
        torch.set_autocast_dtype("cuda", torch.float16)


def noise(device: torch.device, *shape: int) -> Tensor:
    return torch.rand(*shape, 3, SIZE, SIZE, device=device) * 2 - 1


def models_on(device: torch.device) -> Models:
    with device:
        return build_models(5, image_size=SIZE, channels=8, max_channels=32)


def test_the_generators_maps_are_in_bfloat16_throughout(gpu):
    _, G, *_ = models_on(gpu)
    seen = []
    for block in G.styled:
        block.register_forward_hook(lambda *call: seen.append(call[-1].dtype))
    drawn = G(noise(gpu, 2), torch.randn(2, G.style_size, device=gpu))
    assert seen == [torch.bfloat16] * len(G.styled)
    assert drawn.dtype == torch.float32


def test_the_losses_of_a_step_mix_no_devices(gpu):
    E, G, D, W = models_on(gpu)
    landmarks, target, frames = noise(gpu, 2), noise(gpu, 2), noise(gpu, 2, 3)
    fake = G(landmarks, G.project(E.embed_video(frames, frames)))
    identity = D.identity(W(torch.tensor([0, 3], device=gpu)))
    losses = imitation_losses(D, ContentLoss(), fake, target, landmarks, identity)
    losses |= hinge_losses(*D.judge_pair(fake.detach(), target, landmarks, identity))
    assert {loss.device for loss in losses.values()} == {gpu}


def test_measures_mix_no_devices(gpu):
    images, truth = noise(gpu, 2), noise(gpu, 2)
    landmarks = torch.rand(2, 68, 2, device=gpu) * SIZE
    found = [
        *(measure(images, truth) for measure in (ssim, psnr, l1, detail, flicker)),
        expression_error(images, truth, landmarks),
        landmark_error(landmarks, landmarks + 1),
        landmark_jitter(landmarks, landmarks + 1),
    ]
    assert {values.device for values in found} == {gpu}
