"""Maps are halved and doubled as PyTorch does it."""

import pytest
import torch
import torch.nn.functional as F

from system.resizing import downsample, upsample


@pytest.mark.parametrize("size", [(6, 6), (6, 7), (7, 7)])
def test_halving_the_size_has_the_gradient_of_average_pooling(size):
    x, y = (torch.randn(2, 3, *size).requires_grad_() for _ in range(2))
    toward = torch.randn(2, 3, 3, 3)
    (downsample(x) * toward).sum().backward()
    (F.avg_pool2d(y, 2) * toward).sum().backward()
    torch.testing.assert_close(x.grad, y.grad)


def test_doubling_the_size_copies_pixels():
    x = torch.randn(2, 3, 4, 5)
    torch.testing.assert_close(upsample(x), x.repeat_interleave(2, 2).repeat_interleave(2, 3))


def test_doubling_the_size_in_a_compiled_network_has_the_gradient_of_the_plain_one():
    x, toward = torch.randn(2, 3, 4, 5).requires_grad_(), torch.randn(2, 3, 8, 10)
    compiled = torch.compile(upsample, backend="aot_eager")
    plain, ours = (torch.autograd.grad((f(x) * toward).sum(), x)[0] for f in (upsample, compiled))
    torch.testing.assert_close(ours, plain)
