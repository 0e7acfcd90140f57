"""A loss whose gradient is worked out together with it."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def with_early_gradient(loss: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Compute a scalar loss of x, and at once its gradient, if one is wanted.

    What lies between the two is needed no longer, where otherwise it would be kept until the
    backward pass, beside what all other losses keep.

    Args:
        loss: depends on x, and on nothing else that learns.
        x: of any shape.
    """
    if x.requires_grad and torch.is_grad_enabled():
        return _EarlyGradient.apply(x, loss)
    return loss(x)


class _EarlyGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, loss: Callable[[Tensor], Tensor]) -> Tensor:
        with torch.enable_grad():
            variable = x.detach().requires_grad_()
            value = loss(variable)
        with torch.autocast(x.device.type, enabled=False):  # as backward passes are
            value.backward(inputs=[variable])
        ctx.save_for_backward(variable.grad)
        return value.detach()

    @staticmethod
    @once_differentiable
    def backward(ctx, factor: Tensor) -> tuple[Tensor, None]:
        (gradient,) = ctx.saved_tensors
        return factor * gradient, None
