"""Memory formats, where torch cannot know them by itself."""

from __future__ import annotations

import torch
from torch import Tensor


def as_laid_out(x: Tensor, example: Tensor) -> Tensor:
    """N×C×H×W in the memory format of ``example`` (a convolution's weight or a map): a copy where it is another.

    (Strides of 1×1 weights and maps fit both formats; channels-last then is meant.)
    """
    last = example.is_contiguous(memory_format=torch.channels_last)
    return x.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)
