"""How much the images of a batch differ, told to the discriminator (Karras 2018, ProGAN, §3).

It is the one layer here whose verdict on an image depends on the images beside it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gantool.nn.precision import full_precision


class MinibatchStd(nn.Module):
    """Appends one channel: the standard deviation over a group of images, its mean over channels and places.

    Args:
        group: images in a group, at most; the largest divisor of a batch that is no larger is taken.
    """

    def __init__(self, group: int) -> None:
        super().__init__()
        self.group = group

    def forward(self, x: Tensor) -> Tensor:
        """N×C×H×W → N×(C+1)×H×W. Image i is in group i mod (N / group)."""
        count, _, height, width = x.shape
        group = next(size for size in range(min(self.group, count), 0, -1) if count % size == 0)
        grouped = full_precision(x).reshape(group, count // group, *x.shape[1:])
        variance = (grouped - grouped.mean(dim=0)).square().mean(dim=0)
        deviation = (variance + 1e-8).sqrt().mean(dim=(1, 2, 3))  # one number a group
        spread = deviation.repeat(group).to(x.dtype).view(count, 1, 1, 1).expand(-1, 1, height, width)
        return torch.cat([x, spread], dim=1)


def minibatch_std(group: int) -> tuple[nn.Module, int]:
    """The layer for groups of ``group`` images, and how many channels it appends; nothing for a group of one."""
    return (MinibatchStd(group), 1) if group > 1 else (nn.Identity(), 0)
