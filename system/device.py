"""Where it is computed: the device and the precision that "auto" stands for."""

import torch

from system.memory import keep_freed_memory


def resolve_device(name: str) -> torch.device:
    """Turn auto, cuda or cpu into a device.

    Raises:
        ValueError: cuda is asked for and not there.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("--device cuda: PyTorch finds no GPU here (--device cpu works)")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def all_devices(name: str) -> list[str]:
    """Turn auto, cuda or cpu into every GPU that is visible, or the CPU.

    Raises:
        ValueError: cuda is asked for and not there.
    """
    if resolve_device(name).type == "cpu":
        return ["cpu"]
    return [f"cuda:{number}" for number in range(torch.cuda.device_count())]


def resolve_precision(name: str, device: torch.device) -> torch.dtype:
    """Turn auto, float32 or bfloat16 into the dtype of autocast (float32: none)."""
    if name == "auto":
        fast = torch.cuda.is_bf16_supported() if device.type == "cuda" else _cpu_has_bfloat16()
        name = "bfloat16" if fast else "float32"
    return getattr(torch, name)


def _cpu_has_bfloat16() -> bool:
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def set_threads(threads: int) -> None:
    """Limit PyTorch's CPU threads; 0 leaves them as they are."""
    if threads:
        torch.set_num_threads(threads)


def prepare_process(device: torch.device, threads: int) -> None:
    """Set up a process that is going to compute on a device for as long as it lives."""
    set_threads(threads)
    if device.type == "cpu":
        keep_freed_memory()
