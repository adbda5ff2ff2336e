"""AdamW: Adam with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch
from pydantic import NonNegativeFloat
from torch import nn

from gantool.optimizers.base import OptimizerSettings, can_be_fused


class AdamW(OptimizerSettings):
    """Adam whose weight decay does not pass through the moments."""

    name: Literal["adamw"] = "adamw"
    weight_decay: NonNegativeFloat = 1e-2

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """See `OptimizerSettings.build`."""
        parameters = list(parameters)
        optimizer = torch.optim.AdamW(
            parameters, eps=self.eps, weight_decay=self.weight_decay, fused=can_be_fused(parameters)
        )
        self.set_to(optimizer, 0)
        return optimizer
