"""The most memory that a stretch of work took."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import torch

_FORGET_PEAK = "5"  # proc(5), clear_refs: reset the peak resident set size


def peak_during(work: Callable[[], object], device: torch.device) -> int | None:
    """Bytes at the peak while ``work`` ran: of the device on CUDA, else of the whole process; None where the system
    does not say."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        work()
        return int(torch.cuda.max_memory_allocated(device))
    own = Path("/proc/self")
    if sys.platform != "linux":
        work()
        return None
    try:
        (own / "clear_refs").write_text(_FORGET_PEAK)
        work()
        found = re.search(r"VmHWM:\s+(\d+) kB", (own / "status").read_text())
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None
