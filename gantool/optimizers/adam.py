"""Adam (Kingma & Ba 2015)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch
from torch import nn

from gantool.optimizers.base import OptimizerSettings, can_be_fused


class Adam(OptimizerSettings):
    """Adam with bias correction, no weight decay."""

    name: Literal["adam"] = "adam"

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """See `OptimizerSettings.build`."""
        parameters = list(parameters)
        optimizer = torch.optim.Adam(parameters, eps=self.eps, fused=can_be_fused(parameters))
        self.set_to(optimizer, 0)
        return optimizer
