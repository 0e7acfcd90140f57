"""How much memory does a training step want, and how much does it move through it?

    python -m benchmarks.traced --batch-sizes 8 32                   # the paper's size
    python -m benchmarks.traced --image-size 128 --width 32 --checkpoint-embedder

Nothing is computed: PyTorch traces a step, not compiled, with tensors that have sizes and types but
no values, so that any size takes seconds. Counted are the weights, the optimisers' moments, and all
that the step makes; not what CUDA and its libraries take for themselves.
"""

import argparse
import gc
import weakref
from collections import Counter
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.launches import computes
from benchmarks.train_step import BFLOAT16, ROWS, Task, make_networks, step_of

STEPS = 2  # the optimisers' moments are there from the second on
TOP = 8
BLOCK = 512  # bytes: PyTorch's allocator on a GPU gives multiples of it


class Traced(TorchDispatchMode):
    """Counts the memory that is in use, and what operators read and write.

    Attributes:
        peak: bytes at most.
        moved: bytes that each operator was given and gave.
    """

    def __init__(self) -> None:
        super().__init__()
        self.peak = self._in_use = 0
        self.moved: Counter[str] = Counter()
        self._known: weakref.WeakSet[torch.UntypedStorage] = weakref.WeakSet()

    def begin(self) -> None:
        """Count anew."""
        self.peak = self._in_use
        self.moved.clear()

    def __torch_dispatch__(
        self, function: Any, types: Any, arguments: Any = (), keywords: Any = None
    ) -> Any:
        made = function(*arguments, **(keywords or {}))
        if computes(name := function._schema.name):
            tensors = _tensors((arguments, keywords, made))
            self.moved[name] += sum(t.numel() * t.element_size() for t in tensors)
        for tensor in _tensors(made):
            self._hold(tensor.untyped_storage())
        return made

    def _hold(self, storage: torch.UntypedStorage) -> None:
        if storage not in self._known:
            size = -(-storage.nbytes() // BLOCK) * BLOCK
            self._known.add(storage)
            weakref.finalize(storage, self._free, size)
            self._in_use += size
            self.peak = max(self.peak, self._in_use)

    def _free(self, size: int) -> None:
        self._in_use -= size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--image-size", type=int, default=256)
    parser.add_argument("--width", type=int, default=64, help="of the networks' first blocks")
    parser.add_argument("--sources", type=int, default=8, help="K")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[32])
    parser.add_argument("--discriminator-steps", type=int, default=2)
    parser.add_argument("--accumulate", type=int, default=1)
    parser.add_argument("--checkpoint-embedder", action="store_true")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="bfloat16")
    options = parser.parse_args()
    for batch in options.batch_sizes:
        if batch % options.accumulate or batch < 2 * options.accumulate:
            parser.error(f"{batch} videos in {options.accumulate} parts: each wants 2 or more")
    ways = ROWS[BFLOAT16]._replace(
        keep_memory=False,
        bfloat16=options.precision == "bfloat16",
        parts=options.accumulate,
        checkpoint_embedder=options.checkpoint_embedder,
    )
    print("| batch | memory at its peak, GB | read and written, GB | most by |\n|---|---|---|---|")
    for batch in options.batch_sizes:
        task = Task(
            ways, "cpu", 0, options.image_size, options.sources, batch,
            options.discriminator_steps, 1, options.width,
        )  # fmt: skip
        traced = trace(task)
        moved = traced.moved.most_common(TOP)
        most = ", ".join(f"{name.removeprefix('aten::')} {n / 1e9:.2f}" for name, n in moved)
        total = traced.moved.total() / 1e9
        print(f"| {batch} | {traced.peak / 1e9:.2f} | {total:.1f} | {most} |", flush=True)


def trace(task: Task) -> Traced:
    """Trace a step of training."""
    models, content = make_networks(task)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode, Traced() as traced:
        for network in (*models, content):
            drop_values(network, mode)
        step = step_of(task, models, content)
        for _ in range(STEPS):
            traced.begin()
            step()
            gc.collect()
    return traced


def drop_values(network: nn.Module, mode: FakeTensorMode) -> None:
    """Replace parameters and buffers by tensors without values."""
    for module in network.modules():
        for tensors in (module._parameters, module._buffers):
            for name, tensor in tensors.items():
                if tensor is not None:
                    bare = mode.from_tensor(tensor.detach()).clone()
                    learnt = isinstance(tensor, nn.Parameter)
                    tensors[name] = nn.Parameter(bare, tensor.requires_grad) if learnt else bare


def _tensors(tree: object) -> list[Tensor]:
    leaves = pytree.tree_leaves(tree)
    return [leaf for leaf in leaves if isinstance(leaf, Tensor) and not leaf.is_sparse]


if __name__ == "__main__":
    main()
