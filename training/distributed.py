"""The few calls of torch.distributed: many processes that learn as one.

The networks stay plain modules. Every process does its part of the batch with the same weights,
and between `backward` and the optimiser the gradients are averaged. Where one process trains alone
everything here does nothing.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any, NoReturn, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.optim import Optimizer

Answer = TypeVar("Answer")
USER_ERRORS = (ValueError, OSError, FloatingPointError)  # those that end a script in one line


def ranks() -> int:
    """Count the processes that learn together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Number this process, from 0; the first one writes files and prints."""
    return dist.get_rank() if ranks() > 1 else 0


@contextlib.contextmanager
def joined(device: torch.device, patience: float) -> Iterator[torch.device]:
    """Learn together with the processes that torchrun has started, on all its machines.

    Of an error that several processes meet, and of what follows from it, one line is printed.

    Args:
        device: the kind, cpu or cuda.
        patience: seconds to wait for another process before it is held for ended or hanging.

    Yields:
        This process's own device: one GPU each.

    Raises:
        ValueError: more processes than GPUs on this machine.
        ConnectionError: a process has ended or hangs.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield device
        return
    device = _own_device(device)
    timeout = timedelta(seconds=patience)
    with _others_needed():
        store, number, count = next(dist.rendezvous("env://", timeout=timeout))
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo",
            store=store, rank=number, world_size=count, timeout=timeout,
        )  # fmt: skip
    try:
        yield device
        from_all(None)  # whoever has nothing left to do waits for those who are still at work
    except USER_ERRORS as error:  # the group is left as it is: closing it would wait for the dead
        if not _is_news(error, store):
            sys.exit(1)
        raise
    dist.destroy_process_group()


def leave(status: int) -> NoReturn:
    """End this process, one of several, with an exit status.

    The interpreter is not taken down: a thread of Gloo that only now lets go of its last tensor
    would abort the process instead (as in pull request 179291 of PyTorch).
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


@torch.no_grad()
def average_gradients(*optimizers: Optimizer) -> None:
    """Replace every gradient by its mean over the processes, in one exchange.

    Rows of W travel as rows: see `_average_rows`.
    """
    if ranks() == 1:
        return
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    learnt = [p for group in groups for p in group["params"] if p.grad is not None]
    for parameter in learnt:
        if parameter.grad.is_sparse:
            parameter.grad = _average_rows(parameter.grad)
    dense = [parameter.grad for parameter in learnt if not parameter.grad.is_sparse]
    if dense:
        mean = _mean(torch.cat([gradient.flatten() for gradient in dense]))
        parts = mean.split([gradient.numel() for gradient in dense])
        for gradient, part in zip(dense, parts, strict=True):
            gradient.copy_(part.view_as(gradient))


def average_losses(losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Average the losses over the processes; one that is not finite anywhere is so everywhere."""
    if ranks() == 1:
        return dict(losses)
    values = _mean(torch.stack([value.float() for value in losses.values()]))
    return dict(zip(losses, values, strict=True))


def any_signal(number: int | None) -> int | None:
    """Tell all processes of a signal that one of them has received, at the same step."""
    if ranks() == 1:
        return number
    greatest = torch.tensor(number or 0)  # on the CPU, so that no GPU is waited for
    with _others_needed():
        dist.all_reduce(greatest, dist.ReduceOp.MAX)
    return greatest.item() or None


def from_all(value: Answer) -> list[Answer]:
    """Give all processes what each of them has, in their order."""
    if ranks() == 1:
        return [value]
    values = [None] * ranks()
    with _others_needed():
        dist.all_gather_object(values, value)
    return values


def any_complaint(complaint: str | None) -> str | None:
    """Tell all processes what the first of them complains of that does, at the same step."""
    if any_signal(1 if complaint else None) is None:
        return None
    return next(filter(None, from_all(complaint)))


def from_first(ask: Callable[[], Answer]) -> Answer:
    """Call `ask` in the first process only; its answer, or its error, is given in all of them.

    Tensors in nested dicts and lists travel one by one, so that a checkpoint is not copied whole.
    """
    if ranks() == 1:
        return ask()
    answer, error = None, None
    if rank() == 0:
        try:
            answer = ask()
        except USER_ERRORS as raised:
            error = raised
    message = [error, _map_tensors(lambda tensor: tensor.to("meta"), answer)]
    with _others_needed():
        dist.broadcast_object_list(message, src=0)
    error, outline = message
    if error is not None:
        raise error
    if rank() > 0:
        answer = _map_tensors(lambda tensor: torch.empty_like(tensor, device="cpu"), outline)
    return _map_tensors(_copy_from_first, answer)


@torch.no_grad()
def start_equal(networks: Iterable[nn.Module]) -> None:
    """Copy the first process's parameters and buffers to all others."""
    if ranks() > 1:
        for network in networks:
            for tensor in (*network.parameters(), *network.buffers()):
                _copy_from_first(tensor)


def _average_rows(gradient: Tensor) -> Tensor:
    """Combine the row gradients of W of all processes.

    Args:
        gradient: sparse, with the B rows of this process's videos; B is the same everywhere.

    Returns:
        One sparse gradient with all R * B rows; no tensor of W's size is made or sent.
    """
    ids, rows = gradient._indices().flatten(), gradient._values()
    return torch.sparse_coo_tensor(
        _gather(ids)[None], _gather(rows) / ranks(), gradient.shape, check_invariants=False
    )


def _gather(part: Tensor) -> Tensor:
    """Concatenate equally large parts: (B, ...) of each process -> (R * B, ...)."""
    whole = part.new_empty(ranks() * len(part), *part.shape[1:])
    with _others_needed():
        dist.all_gather(list(whole.chunk(ranks())), part.contiguous())
    return whole


def _mean(values: Tensor) -> Tensor:
    """Average a tensor over the processes, in place."""
    with _others_needed():
        dist.all_reduce(values)
    return values.div_(ranks())


def _copy_from_first(tensor: Tensor) -> Tensor:
    memory = tensor.detach().as_strided([tensor.numel()], [1])  # as it lies, channels last or not
    with _others_needed():
        dist.broadcast(memory, src=0)
    return tensor


def _map_tensors(change: Callable[[Tensor], Tensor], value: Any) -> Any:
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, dict):
        return {key: _map_tensors(change, entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_map_tensors(change, entry) for entry in value)
    return value


def _own_device(device: torch.device) -> torch.device:
    """One GPU for each process of a machine, in torchrun's order."""
    if device.type != "cuda":
        return device
    number, gpus = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if number >= gpus:
        raise ValueError(f"--nproc-per-node must be at most {gpus}, the GPUs of this machine")
    device = torch.device("cuda", number)
    torch.cuda.set_device(device)
    return device


@contextlib.contextmanager
def _others_needed() -> Iterator[None]:
    """Give PyTorch's many errors about lost or silent processes one name."""
    try:
        yield
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise ConnectionError(f"a process has ended or hangs: {reason}") from error


def _is_news(error: Exception, store: dist.Store) -> bool:
    """Tell whether nobody has said this, and it is not the mere consequence of what was said."""
    try:
        earlier, same = store.add("errors", 1) - 1, store.add(str(error), 1) - 1
    except RuntimeError:  # the store ends with the process that holds it
        return True
    return earlier == 0 if isinstance(error, ConnectionError) else same == 0
