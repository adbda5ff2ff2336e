"""Doubling and halving of maps with binomial filters, from cheap parts that every device differentiates twice.

[1, 1] is the mean of two neighbours, and every binomial filter is a chain of it: [1, 2, 1] = [1, 1] ∗ [1, 1]. So
nearest-neighbour doubling and 2×2 means are all that is needed: no grouped convolution, no compiled kernel. Beyond
the border all is 0.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def blur(x: Tensor, taps: int, padding: tuple[int, int]) -> Tensor:
    """N×C×H×W → H + Σpadding − taps + 1 high and likewise wide, weighted by a binomial row of ``taps`` that sums to 1.

    Args:
        x: the map.
        taps: 3 for [1, 2, 1], 4 for [1, 3, 3, 1].
        padding: zeros before and after, along both axes.
    """
    before, after = padding
    if before or after:
        x = F.pad(x, (before, after, before, after))
    for _ in range(taps - 1):
        x = F.avg_pool2d(x, 2, stride=1)
    return x


def double(x: Tensor, taps: int = 3) -> Tensor:
    """N×C×H×W → N×C×2H×2W: zeros between the pixels, then twice the filter, so that the mean stays."""
    x = F.interpolate(x, scale_factor=2, mode="nearest")  # which is zeros and twice [1, 1]
    return blur(x, taps - 1, _halves(taps - 2))


def halve(x: Tensor, taps: int = 3) -> Tensor:
    """N×C×H×W → N×C×H/2×W/2: the filter, then every second pixel; but for a factor the adjoint of `double`."""
    return F.avg_pool2d(blur(x, taps - 1, _halves(taps - 2)[::-1]), 2)


def _halves(zeros: int) -> tuple[int, int]:
    """``zeros`` in two parts, the larger one first."""
    return zeros - zeros // 2, zeros // 2
