"""Memory: how much is there, that what a step frees is kept for the next one, and how its end is known."""

from __future__ import annotations

import ctypes
import errno
import sys
from pathlib import Path

import torch

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3  # malloc.h
_KEPT_BYTES = 1 << 30
_GROWTH_BYTES = 64 << 20
_OF_MEMORY = ("allocate memory", "out of memory", "STATUS_ALLOC_FAILED")
"""Words of the CPU's allocator; of CUDA, of nccl and where memory is pinned; of cuBLAS and cuDNN."""


def keep_freed_memory() -> None:
    """Let glibc keep what a step frees for the next step (elsewhere a no-op).

    By default every large tensor is mapped afresh from the system and zeroed page by page, which costs a CPU
    training step up to a third of its time; the peak stays what it was.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD, _M_TOP_PAD):
            mallopt(option, _KEPT_BYTES if option != _M_TOP_PAD else _GROWTH_BYTES)


def available_memory() -> int | None:
    """Bytes that this process could take without others being swapped out; None where the system does not say.

    Where the process is held to so much address space (``ulimit -v``), what is left of that counts too.
    """
    try:
        free = _of_proc("/proc/meminfo", "MemAvailable:")
        most = resource.getrlimit(resource.RLIMIT_AS)[0] if resource is not None else -1
        if resource is None or most == resource.RLIM_INFINITY:
            return free
        return max(0, min(free, most - _of_proc("/proc/self/status", "VmSize:")))
    except (OSError, ValueError, StopIteration):  # not Linux, or one of long ago
        return None


def _of_proc(file: str, key: str) -> int:
    """A number of ``kB`` that the kernel states, in bytes."""
    lines = Path(file).read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether it was raised for want of memory, the CPU's or a device's.

    torch's allocator for CUDA and Python have errors of their own for it, and the system has a number, where a file is
    mapped into memory. All others are plain RuntimeErrors that their words alone tell apart.
    """
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(words in str(error) for words in _OF_MEMORY)
