"""Spectral normalisation of the networks' weights."""

import contextlib
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.utils import parametrize

EPS = 1e-4


class SpectralNorm(nn.Module):
    """Divide a weight by its largest singular value, estimated by power iteration.

    PyTorch's own parametrization iterates at every forward pass, and in reduced precision under
    autocast. This one is told to, once per update and always in float32; so a frozen network is
    used as it stands, and a step may run the same forward pass twice. `NormalizedWeights` does it
    for many layers at once. Buffers and state-dict keys are those of
    `torch.nn.utils.parametrizations.spectral_norm`.

    Source: Sec. 4 of the paper; Miyato et al. 2018, Algorithm 1.
    """

    per_forward = False
    """Iterate like PyTorch's: at every forward pass in train mode."""

    exact = False
    """The normalised weight is not to be rounded to autocast's precision."""

    normalized: Tensor | None = None
    """What the weight over its norm is, while `NormalizedWeights` knows it."""

    to_be_loaded = False
    """Make them without iterations: a state dict will bring the singular vectors."""

    def __init__(self, weight: Tensor, initial_iterations: int = 15):
        super().__init__()
        matrix = weight.detach().flatten(1)
        u = F.normalize(matrix.new_empty(matrix.shape[0]).normal_(), dim=0, eps=EPS)
        self.register_buffer("_u", u)
        self.register_buffer("_v", F.normalize(matrix.T @ u, dim=0, eps=EPS))
        for _ in range(0 if self.to_be_loaded else initial_iterations):
            self.iterate(weight)

    @torch.no_grad()
    def iterate(self, weight: Tensor) -> None:
        """Move the estimate of the singular vectors towards those of this weight."""
        matrix = _as_matrix(weight.detach())
        u = F.normalize(matrix @ in_memory_order(self._v, weight), dim=0, eps=EPS)
        v = F.normalize(matrix.T @ u, dim=0, eps=EPS)
        self._u.copy_(u)
        self._v.copy_(in_stored_order(v, weight).flatten())

    def forward(self, weight: Tensor) -> Tensor:
        if self.normalized is not None:
            return self.normalized
        with torch.autocast(weight.device.type, enabled=False):
            if self.per_forward and self.training:
                self.iterate(weight)
            # Clones, because the buffers may move before the backward pass.
            return _DivideBySigma.apply(weight, self._u.clone(), self._v.clone())


def spectral_norm(layer: nn.Module, enabled: bool = True, exact: bool = False) -> nn.Module:
    """Give `layer.weight` a spectral norm of 1, or return the layer as it is."""
    if enabled:
        norm = SpectralNorm(layer.weight)
        norm.exact = exact
        parametrize.register_parametrization(layer, "weight", norm)
    return layer


@contextlib.contextmanager
def made_to_be_loaded() -> Iterator[None]:
    """In the block, networks are made faster, for a state dict to be loaded into them."""
    SpectralNorm.to_be_loaded = True
    try:
        yield
    finally:
        SpectralNorm.to_be_loaded = False


def spectral_norms(*networks: nn.Module) -> Iterator[tuple[SpectralNorm, nn.Parameter]]:
    """Find every spectral norm in the networks, with the weight that it divides."""
    for network in networks:
        for layer in network.modules():
            if parametrize.is_parametrized(layer, "weight"):
                (norm,) = layer.parametrizations.weight
                if isinstance(norm, SpectralNorm):
                    yield norm, layer.parametrizations.weight.original


def iterate_at_every_forward(*networks: nn.Module) -> None:
    """Make the spectral norms iterate as PyTorch's do."""
    for norm, _ in spectral_norms(*networks):
        norm.per_forward = True


class _DivideBySigma(torch.autograd.Function):
    """weight / sigma with sigma = u^T weight v, and u, v taken for constants.

    The gradient is written out, since autograd would pass over the weight three times as often.
    """

    @staticmethod
    def forward(ctx, weight: Tensor, u: Tensor, v: Tensor) -> Tensor:
        sigma = u @ (_as_matrix(weight) @ in_memory_order(v, weight))
        ctx.save_for_backward(weight, u, v, sigma)
        return weight / sigma

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        weight, u, v, sigma = ctx.saved_tensors
        # Laid out like the weight; by out=, PyTorch 2.11 could not compile it.
        result = torch.empty_like(weight).copy_(gradient).div_(sigma)
        matrix = _as_matrix(result)
        along = torch.dot(matrix.flatten(), _as_matrix(weight).flatten()) / sigma
        matrix.addr_(u * -along, in_memory_order(v, weight))
        return result, None, None


def _as_matrix(weight: Tensor) -> Tensor:
    """(outputs, everything else), a view whose columns lie as in memory, channels last or not."""
    return weight.permute(memory_order(weight)).flatten(1)


def in_memory_order(v: Tensor, weight: Tensor) -> Tensor:
    """Bring right singular vectors of `weight.flatten(1)` into the order of the weight's memory.

    Args:
        v: of one weight or of several of its kind, one after the other.

    Returns:
        The same numbers, one vector.
    """
    return v.view(-1, *weight.shape[1:]).permute(memory_order(weight)).flatten()


def in_stored_order(v: Tensor, weight: Tensor) -> Tensor:
    """Undo `in_memory_order`: (weights, columns)."""
    order = memory_order(weight)
    back = [order.index(dim) for dim in range(weight.dim())]
    return v.view(-1, *(weight.shape[dim] for dim in order[1:])).permute(back).flatten(1)


def memory_order(weight: Tensor) -> list[int]:
    """Dimensions of a weight from the outermost in memory to the innermost, the outputs first."""
    strides = weight.stride()
    return [0, *sorted(range(1, weight.dim()), key=lambda dim: -strides[dim])]
