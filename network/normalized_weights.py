"""The spectral norms of many layers, worked out together: what is learnt is the same.

By itself, each of the 85 layers of the paper's networks takes some dozens of operators a step,
most of them on a few hundred numbers, which a GPU spends more time to launch than to compute.
"""

import contextlib
from collections.abc import Iterator, Sequence
from itertools import groupby

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from network.spectral_norm import (
    EPS,
    SpectralNorm,
    in_memory_order,
    in_stored_order,
    memory_order,
    spectral_norms,
)

Pair = tuple[SpectralNorm, nn.Parameter]


class NormalizedWeights:
    """The weights of some networks over their spectral norms, for one update of the networks.

    Layers that iterate at every forward pass, whose weight is not to be rounded, or lies in memory
    in an unusual way, go on by themselves.

    Args:
        dtype: what the normalised weights are rounded to, once for all passes of the update, where
            autocast would do so layer by layer.
    """

    def __init__(self, *networks: nn.Module, dtype: torch.dtype = torch.float32):
        pairs = [pair for pair in spectral_norms(*networks) if not pair[0].per_forward]
        learnt, frozen, self.single = [], [], []
        for norm, weight in pairs:
            if norm.exact or not _is_dense(weight):
                self.single.append((norm, weight))
            else:
                (learnt if weight.requires_grad else frozen).append((norm, weight))
        self.learnt, self.frozen = _Together(learnt, dtype), _Together(frozen, dtype)

    def power_iteration(self) -> None:
        """Move the singular vectors of all layers that are learnt towards those of their weights.

        It is to be called before the first use.
        """
        for norm, weight in self.single:
            if weight.requires_grad:
                norm.iterate(weight)
        self.learnt.iterate()

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """In the block, the layers' weights are these; each use has a graph of its own.

        The backward pass of a checkpointed network belongs into the block.
        """
        norms = [*self.learnt.norms, *self.frozen.norms]
        weights = [*self.learnt.use(), *self.frozen.use()]
        try:
            for norm, weight in zip(norms, weights, strict=True):
                norm.normalized = weight
            yield
        finally:
            for norm in norms:
                norm.normalized = None


class _Together:
    """Layers that are either all learnt or all frozen.

    What there is of each layer, its weight or a singular vector, lies one after the other in one
    vector, layers of one shape side by side, each in the order of its weight's memory.
    """

    def __init__(self, pairs: Sequence[Pair], dtype: torch.dtype):
        pairs = sorted(pairs, key=_kind)
        self.norms = [norm for norm, _ in pairs]
        self.weights = [weight for _, weight in pairs]
        self.alike = [[weight for _, weight in group] for _, group in groupby(pairs, key=_kind)]
        self.sizes = [weight.numel() for weight in self.weights]
        self.rows = [len(weight) for weight in self.weights]
        self.columns = [weight[0].numel() for weight in self.weights]
        self.dtype = dtype
        self.u = self.v = self.sigma = None  # singular vectors and (layers,) values, when known
        self.values: Tensor | None = None  # of all weights, normalised and rounded

    @torch.no_grad()
    def iterate(self) -> None:
        """Move the singular vectors towards those of the weights."""
        if not self.norms:
            return
        weights = _joined(self.weights, self.weights)
        self.u, _ = _unit(self._products(weights, self._loaded_v()), self.rows)
        self.v, lengths = _unit(self._products(weights, self.u, transposed=True), self.columns)
        torch._foreach_copy_([norm._u for norm in self.norms], self.u.split(self.rows))
        torch._foreach_copy_([norm._v for norm in self.norms], self._v_to_store())
        self._divide(weights, sigma=lengths * lengths / lengths.clamp(min=EPS))  # u^T W v

    def use(self) -> Sequence[Tensor]:
        """Make the normalised weights part of a new graph."""
        if not self.norms:
            return []
        if self.values is None:
            self._take_vectors_as_they_are()
        return _Normalized.apply(self, *self.weights)

    @torch.no_grad()
    def _take_vectors_as_they_are(self) -> None:
        weights = _joined(self.weights, self.weights)
        self.u = torch.cat([norm._u for norm in self.norms])
        self.v = self._loaded_v()
        terms = self.u * self._products(weights, self.v)
        self._divide(weights, sigma=self._sums(terms, self.rows))

    def _divide(self, weights: Tensor, sigma: Tensor) -> None:
        self.sigma = sigma
        self.values = weights.div_(_spread(sigma, self.sizes)).to(self.dtype)

    def as_weights(self, values: Tensor) -> Sequence[Tensor]:
        """Cut a vector into tensors that lie like the weights."""
        return [
            part.as_strided(weight.shape, weight.stride())
            for part, weight in zip(values.split(self.sizes), self.weights, strict=True)
        ]

    def gradients(self, given: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
        """From the gradients of normalised weights to the weights'; see `_DivideBySigma`."""
        filled = [
            torch.zeros_like(weight, dtype=self.dtype) if gradient is None else gradient
            for gradient, weight in zip(given, self.weights, strict=True)
        ]
        result = _joined(filled, self.weights).float().div_(_spread(self.sigma, self.sizes))
        along = self._sums(_joined(self.weights, self.weights).mul_(result), self.sizes)
        along /= self.sigma
        left = self.u * _spread(along, self.rows)
        parts = (self._by_shape(*each) for each in (
            (result, self.sizes), (left, self.rows), (self.v, self.columns)
        ))  # fmt: skip
        for matrix, u, v in zip(*parts, strict=True):
            matrix = matrix.view(len(u), u.shape[1], v.shape[1])
            matrix.addcmul_(u[:, :, None], v[:, None], value=-1)
        pairs = zip(given, self.as_weights(result), strict=True)
        return [None if gradient is None else found for gradient, found in pairs]

    def _products(self, weights: Tensor, vectors: Tensor, transposed: bool = False) -> Tensor:
        """W v, or W^T u, of each layer; as rows, which a CPU multiplies three times as fast."""
        lengths = self.rows if transposed else self.columns
        parts = zip(
            self._by_shape(weights, self.sizes), self._by_shape(vectors, lengths),
            self.alike, strict=True,
        )  # fmt: skip
        products = []
        for matrices, those, (weight, *_) in parts:
            matrices = matrices.view(len(those), len(weight), -1)
            matrices = matrices if transposed else matrices.mT
            with torch.autocast(matrices.device.type, enabled=False):
                products.append(torch.bmm(those[:, None], matrices).flatten())
        return torch.cat(products)

    def _by_shape(self, values: Tensor, sizes: Sequence[int]) -> Sequence[Tensor]:
        """Cut a vector of all layers into (layers of a shape, a layer's size)."""
        counts = [len(weights) for weights in self.alike]
        firsts = [sum(counts[:place]) for place in range(len(counts))]
        lengths = [count * sizes[first] for count, first in zip(counts, firsts, strict=True)]
        parts = zip(values.split(lengths), counts, strict=True)
        return [part.view(count, -1) for part, count in parts]

    def _sums(self, values: Tensor, sizes: Sequence[int]) -> Tensor:
        """Sum of what each layer has in a vector, (layers,)."""
        return torch.cat([part.sum(dim=1) for part in self._by_shape(values, sizes)])

    def _loaded_v(self) -> Tensor:
        """Right singular vectors, in the order of the weights' memory."""
        parts = self._by_shape(torch.cat([norm._v for norm in self.norms]), self.columns)
        pairs = zip(parts, self.alike, strict=True)
        return torch.cat([in_memory_order(part, weight) for part, (weight, *_) in pairs])

    def _v_to_store(self) -> Sequence[Tensor]:
        """Undo `_loaded_v`: a vector of each layer."""
        pairs = zip(self._by_shape(self.v, self.columns), self.alike, strict=True)
        return [row for part, (weight, *_) in pairs for row in in_stored_order(part, weight)]


class _Normalized(torch.autograd.Function):
    """All normalised weights as functions of the weights, u and v taken for constants."""

    @staticmethod
    def forward(ctx, layers: _Together, *weights: Tensor) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*weights)
        ctx.layers = layers
        return tuple(layers.as_weights(layers.values))

    @staticmethod
    @once_differentiable
    def backward(ctx, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        _ = ctx.saved_tensors  # complains where a weight has been changed since
        layers, ctx.layers = ctx.layers, None  # a loss that is kept keeps no weights
        return None, *layers.gradients(gradients)


def _kind(pair: Pair) -> tuple[Sequence[int], Sequence[int]]:
    """What layers that are computed at once have in common."""
    return pair[1].shape, pair[1].stride()


def _is_dense(weight: Tensor) -> bool:
    """Tell whether a weight fills its memory, output after output, as most do."""
    return weight.permute(memory_order(weight)).is_contiguous()


def _joined(tensors: Sequence[Tensor], weights: Sequence[Tensor]) -> Tensor:
    """Put tensors one after the other, each in the order of a weight's memory."""
    pairs = zip(tensors, weights, strict=True)
    return torch.cat([tensor.permute(memory_order(weight)).flatten() for tensor, weight in pairs])


def _unit(vectors: Tensor, sizes: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Bring each layer's vector to length 1, as `F.normalize` does; and tell the lengths."""
    lengths = torch.stack(torch._foreach_norm(vectors.split(sizes)))
    return vectors / _spread(lengths.clamp(min=EPS), sizes), lengths


def _spread(values: Tensor, sizes: Sequence[int]) -> Tensor:
    """Repeat each layer's number as often as the layer has elements."""
    pairs = zip(values.unbind(), sizes, strict=True)
    return torch.cat([value.expand(size) for value, size in pairs])
