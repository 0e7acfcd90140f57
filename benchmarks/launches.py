"""Where the time of a call goes, and how many operators it launches, by PyTorch's profiler."""

import functools
from collections import Counter
from collections.abc import Callable, Iterable

import torch
from torch.autograd import DeviceType
from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import ProfilerActivity, profile

from benchmarks.clock import seconds_each, wait

TOP = 10
NO_WORK = {  # beside views, told by their signature
    "resize_", "resize_as_", "as_strided_", "_unsafe_view", "broadcast_tensors", "result_type",
    "_nnz", "is_coalesced", "_coalesced_", "sparse_dim", "dense_dim",
    "_sparse_coo_tensor_with_dims_and_tensors",
}  # fmt: skip
LONGEST = 90  # characters of a kernel's name


def where_time_goes(
    call: Callable[[], object], device: torch.device, repeats: int
) -> dict[str, float | str]:
    """Count what a call launches, and name what takes most of its time.

    Returns:
        Operators that compute (views and new memory are not counted), and which of them are called
        most; on a GPU its kernels and copies, and how long it is idle; the first of them by their
        share of all kernels' time, or, on a CPU, of all operators' time.
    """
    seconds = seconds_each(call, device, repeats)
    on_gpu = device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with profile(activities=activities) as seen:
        call()
        wait(device)
    events = seen.events()
    called = operators(events)
    figures: dict[str, float | str] = {"ms": 1e3 * seconds, "operators": called.total()}
    figures["called most"] = ", ".join(f"{n} {name}" for name, n in called.most_common(TOP))
    if on_gpu:
        kernels = [event for event in events if _is_kernel(event)]
        spent = _by_name((event.name, event.time_range.elapsed_us()) for event in kernels)
        busy = spent.total() / 1e6
        idle = 100 * max(0.0, 1 - busy / seconds)
        figures |= {"kernels": len(kernels), "kernels, ms": 1e3 * busy, "GPU idle, %": idle}
    else:
        spent = _by_name((event.name, event.self_cpu_time_total) for event in events)
    for place, (name, time) in enumerate(spent.most_common(TOP), 1):
        figures[f"{place}."] = f"{100 * time / spent.total():.1f} % {_short(name)}"
    return figures


def operators(events: Iterable[FunctionEvent]) -> Counter[str]:
    """Count the operators that compute by name, each as often as it is called.

    One on a list of tensors is one, whatever a CPU makes of it.
    """
    return Counter(event.name.removeprefix("aten::") for event in events if _is_last(event))


def _is_last(event: FunctionEvent) -> bool:
    """Tell an operator that computes, and calls no other one that does, as it runs on a GPU."""
    parent = event.cpu_parent
    while parent is not None:
        if _is_multi_tensor(parent.name):
            return False
        parent = parent.cpu_parent
    if not computes(event.name):
        return False
    children = any(computes(child.name) for child in event.cpu_children)
    return _is_multi_tensor(event.name) or not children


def _is_multi_tensor(name: str) -> bool:
    """Tell an operator on a list of tensors: a GPU takes dozens of them at once."""
    return name.startswith(("aten::_foreach_", "aten::_fused_"))


@functools.cache
def computes(name: str) -> bool:
    """Tell whether an operator does more than to name memory."""
    room, _, operator = name.partition("::")
    if room != "aten" or operator.startswith("empty") or operator in NO_WORK:
        return False
    packet = getattr(torch.ops.aten, operator, None)
    overloads = packet.overloads() if packet else []
    return not any(getattr(packet, overload).is_view for overload in overloads)


def _is_kernel(event: FunctionEvent) -> bool:
    """Tell a kernel or copy from the spans that PyTorch notes on the GPU's track."""
    return event.device_type == DeviceType.CUDA and not getattr(event, "is_user_annotation", False)


def _short(kernel: str) -> str:
    """Leave out of a kernel's name what all have in common."""
    return kernel.removeprefix("void ").replace("at::native::", "")[:LONGEST]


def _by_name(times: Iterable[tuple[str, float]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for name, time in times:
        total[name] += time
    return total
