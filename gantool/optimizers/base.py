"""What the optimizers share: scheduled learning rates and betas, and the fused kernels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import torch
from pydantic import Field, PositiveFloat
from torch import nn

from gantool.component import Settings
from gantool.schedules import NotNegative, Ramp, value_at

Beta = Annotated[float, Field(ge=0, lt=1)] | Ramp


class OptimizerSettings(Settings):
    """Adam's settings (Kingma & Ba 2015, algorithm 1)."""

    learning_rate: NotNegative = 2e-4
    betas: tuple[Beta, Beta] = (0.5, 0.999)
    eps: PositiveFloat = 1e-8

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """An optimizer over ``parameters`` at the settings of image 0."""
        raise NotImplementedError

    def set_to(self, optimizer: torch.optim.Optimizer, images_seen: int, factor: float = 1.0) -> None:
        """Set learning rate (times ``factor``) and betas to their values at ``images_seen``."""
        first, second = (value_at(beta, images_seen) for beta in self.betas)
        for group in optimizer.param_groups:
            group["lr"] = value_at(self.learning_rate, images_seen) * factor
            group["betas"] = (first, second)


def can_be_fused(parameters: Iterable[nn.Parameter]) -> bool:
    """Whether torch has the fused kernel for every parameter's device (CPU, CUDA, MPS)."""
    devices = {parameter.device.type for parameter in parameters}
    return devices <= {"cpu", "cuda", "mps"}
