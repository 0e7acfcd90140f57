"""How far two images, maps or vectors are from each other."""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def mean_distance(x: Tensor, constant: Tensor) -> Tensor:
    """Mean L1 distance of two tensors of one shape, in float32; `constant` gets no gradient.

    Raises:
        ValueError: their shapes differ.
    """
    if x.shape != constant.shape:
        raise ValueError(f"shapes differ: {tuple(x.shape)} and {tuple(constant.shape)}")
    return _MeanDistance.apply(x, constant.detach())


class _MeanDistance(torch.autograd.Function):
    """The distance, in the type that x and the constant are in.

    Autograd would keep and pass over float32 copies of maps that are in bfloat16: three times as
    many bytes. Numbers within a factor of two of each other are subtracted exactly.
    """

    @staticmethod
    def forward(ctx, x: Tensor, constant: Tensor) -> Tensor:
        difference = x - constant
        ctx.save_for_backward(difference)
        ctx.dtype = x.dtype
        exact = torch.promote_types(difference.dtype, torch.float32)
        return difference.abs().sum(dtype=exact) / x.numel()

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        (difference,) = ctx.saved_tensors
        signs = difference.sign().mul_(gradient / difference.numel())
        return signs.to(ctx.dtype), None
