"""Compiling the networks, and whether that works on this machine."""

from subprocess import SubprocessError

import torch
from torch import Tensor

from loss.content import ContentLoss
from training.models import Models


def compile_networks(
    models: Models, content_loss: ContentLoss, backend: str = "inductor", cuda_graphs: bool = False
) -> None:
    """Have the networks' forward and backward passes compiled at their first use, in place.

    Parameters, state-dict keys and copies are as before; sizes of batches are compiled one by one.

    Args:
        cuda_graphs: what is compiled is replayed as CUDA graphs, where the backend can. Each step
            is then to begin with `torch.compiler.cudagraph_mark_step_begin()`: content losses work
            out gradients in the middle of it, which would pass for its end.
    """
    mode = {"mode": "reduce-overhead"} if cuda_graphs else {}
    for network in (*models[:3], *content_loss.perceptual.values()):
        network.compile(dynamic=False, backend=backend, **mode)


def obstacle_to_compiling(device: torch.device) -> str | None:
    """Compile something tiny and take its gradient; tell in a line what goes wrong, if it does.

    Often there is no C compiler, or no Triton for the GPU. Takes seconds.
    """

    @torch.compile(dynamic=False)
    def sines(x: Tensor) -> Tensor:
        return x.sin().sum()

    try:
        sines(torch.ones(8, device=device, requires_grad=True)).backward()
    except (RuntimeError, OSError, ImportError, SubprocessError) as error:
        cause = error.__cause__ or error
        said = str(cause).strip() or "no reason given"
        return f"{type(cause).__name__}: {said.splitlines()[0]}"
    return None
