"""What the machine could do at most: its matrix products, measured."""

from __future__ import annotations

import time

import torch

_SIDES = (1024, 2048, 4096)
_TURNS = 3
_LONGEST_S = 1.0


def matmul_peak(precision: torch.dtype, device: torch.device) -> float:
    """The most FLOP/s that a square matrix product reaches, over a few sizes.

    A size that takes longer than a second is the last one: a slow machine shows its peak before.
    """
    best = 0.0
    for side in _SIDES:
        left, right = (torch.randn(side, side, device=device).to(precision) for _ in range(2))
        took = min(_seconds(left, right, device) for _ in range(_TURNS))
        best = max(best, 2 * side**3 / took)
        if took > _LONGEST_S:
            break
    return best


def wait_for(device: torch.device) -> None:
    """Until ``device`` has done what it was asked for (a CPU has)."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _seconds(left: torch.Tensor, right: torch.Tensor, device: torch.device) -> float:
    wait_for(device)
    started = time.perf_counter()
    torch.mm(left, right)
    wait_for(device)
    return time.perf_counter() - started
