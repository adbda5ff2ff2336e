"""Where numbers leave the training precision for good."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def full_precision(values: Tensor) -> Tensor:
    """The values in float32; float64 stays, so that derivatives can be checked against finite differences."""
    return values if values.dtype == torch.float64 else values.float()


def head_of(layer: nn.Module, features: Tensor) -> Tensor:
    """What a last layer makes of ``features``, computed in float32 whatever surrounds it: losses compare logits, and
    bfloat16 has 8 bits for their common offset and their difference together."""
    with torch.autocast(features.device.type, enabled=False):
        made: Tensor = layer(full_precision(features))
    return made
