"""LeCam regularisation: logits are held near what the discriminator said lately of the other kind of image."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from gantool.nn.memory import Memory, follow
from gantool.nn.precision import full_precision
from gantool.penalties.base import LogitPenalty
from gantool.schedules import NotNegative


class LeCam(LogitPenalty):
    """E(t(real) − α_F)² + E(t(fake) − α_R)², α the running means of fake and real logits (Tseng 2021, eq. 5).

    For sets of a few thousand pictures and less. The paper's weight for BigGAN on CIFAR-10 is 0.3.
    """

    name: Literal["lecam"] = "lecam"
    weight: NotNegative = 0.3
    decay: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """Weight of the old running mean."""

    def memory(self) -> Memory:
        """See `Penalty.memory`."""
        return {"real": torch.zeros(()), "fake": torch.zeros(())}

    def value(self, real: Tensor, fake: Tensor, memory: Memory) -> Tensor:
        """See `LogitPenalty.value`."""
        real, fake = full_precision(real), full_precision(fake)
        towards_fake, towards_real = memory["fake"].clone(), memory["real"].clone()
        follow(memory["real"], real.mean(), 1 - self.decay)
        follow(memory["fake"], fake.mean(), 1 - self.decay)
        return (real - towards_fake).square().mean() + (fake - towards_real).square().mean()
