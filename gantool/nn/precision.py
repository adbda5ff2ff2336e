"""Where numbers leave the training precision for good."""

from __future__ import annotations

import torch
from torch import Tensor


def full_precision(values: Tensor) -> Tensor:
    """The values in float32; float64 stays, so that derivatives can be checked against finite differences."""
    return values if values.dtype == torch.float64 else values.float()
