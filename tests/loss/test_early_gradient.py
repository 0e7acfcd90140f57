"""A loss that works out its gradient at once is the same loss, and keeps less."""

import weakref

import torch
from torch import Tensor

from loss.early_gradient import with_early_gradient


def cubes(x: Tensor) -> Tensor:
    return (x**3).sum()


def test_value_and_gradient_are_those_of_the_loss():
    x = torch.randn(2, 3).requires_grad_()
    found = with_early_gradient(cubes, x)
    torch.testing.assert_close(found, cubes(x))
    gradients = [torch.autograd.grad(5 * loss + x.sum(), x)[0] for loss in (found, cubes(x))]
    torch.testing.assert_close(*gradients)


def test_what_lies_between_is_not_kept_for_the_backward_pass():
    between = []

    def loss(x: Tensor) -> Tensor:
        between.append(weakref.ref(middle := x.exp()))
        return (middle * middle).sum()

    x = torch.randn(3).requires_grad_()
    value = with_early_gradient(loss, x)
    assert between[0]() is None
    value.backward()
    torch.testing.assert_close(x.grad, 2 * (2 * x).exp().detach())


def test_no_gradient_is_worked_out_where_none_is_wanted():
    for wanted in (False, True):
        x = torch.randn(3).requires_grad_(wanted)
        with torch.set_grad_enabled(not wanted):
            assert not with_early_gradient(cubes, x).requires_grad
    seen = []
    with torch.no_grad():
        with_early_gradient(lambda x: seen.append(torch.is_grad_enabled()) or cubes(x), x)
    assert seen == [False]


def test_it_is_the_gradient_under_autocast_too():
    x = torch.randn(4, 8).requires_grad_()
    weight = torch.randn(8, 8)

    def loss(x: Tensor) -> Tensor:
        return (x @ weight).float().abs().sum()

    with torch.autocast("cpu", torch.bfloat16):
        early, late = with_early_gradient(loss, x), loss(x)
    assert early == late
    assert torch.equal(*(torch.autograd.grad(value, x)[0] for value in (early, late)))
