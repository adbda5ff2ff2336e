"""One-centred gradient penalty between real and generated images: it keeps a critic near 1-Lipschitz."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from gantool.penalties.base import Critic, Penalty, squared_gradient_norms
from gantool.schedules import NotNegative


class WGANGP(Penalty):
    """E(‖∇D(x̂)‖ − 1)² with x̂ = ε·x + (1 − ε)·G(z); ``weight`` is λ (Gulrajani 2017, eq. 3)."""

    name: Literal["wgan_gp"] = "wgan_gp"
    weight: NotNegative = 10.0

    def value(self, critic: Critic, real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
        """See `Penalty.value`."""
        squares = squared_gradient_norms(critic, mix * real + (1 - mix) * fake)
        # √ has an infinite slope at 0, and ∞·0 is NaN: where the gradient vanishes the norm is a constant 0.
        vanished = squares == 0
        norms = torch.where(vanished, 1.0, squares).sqrt().masked_fill(vanished, 0.0)
        return (norms - 1).square().mean()
