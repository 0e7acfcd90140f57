"""How far two images, maps or vectors are from each other."""

from torch import Tensor


def mean_distance(x: Tensor, constant: Tensor) -> Tensor:
    """Mean L1 distance in float32 of two tensors of one shape; `constant` gets no gradient.

    A sum, then a division: the gradient of a mean would be spread out over a map first.

    Raises:
        ValueError: their shapes differ.
    """
    if x.shape != constant.shape:
        raise ValueError(f"shapes differ: {tuple(x.shape)} and {tuple(constant.shape)}")
    return (x - constant.detach().float()).abs().sum() / x.numel()
