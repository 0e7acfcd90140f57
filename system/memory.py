"""Memory that the C library keeps for the process."""

import ctypes

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # malloc.h


def keep_freed_memory() -> None:
    """Let large blocks that were freed be used again, where the C library is glibc.

    It gives those above 32 MB back to the system, which fills each new page with zeros: up to a
    third of a training step on a CPU, a seventh of drawing. The process then never shrinks.
    """
    mallopt = getattr(ctypes.pythonapi, "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, -1)
