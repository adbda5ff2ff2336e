"""What a component remembers from step to step: tensors that are part of the run's state, and are saved with it."""

from __future__ import annotations

import torch
from torch import Tensor

from gantool import distributed

Memory = dict[str, Tensor]
"""Scalars by name, on the run's device, changed in place."""


@torch.no_grad()
def follow(mean: Tensor, value: Tensor, weight: float) -> None:
    """Move a running mean towards ``value`` (a scalar, averaged over all processes) by ``weight``, in place."""
    mean.lerp_(distributed.mean(value.detach().float().clone()), weight)
