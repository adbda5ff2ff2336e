"""One-centred gradient penalty between real and generated images: it keeps a critic near 1-Lipschitz."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from gantool.penalties.base import Critic, ImagePenalty, roots, squared_gradient_norms
from gantool.schedules import NotNegative


class WGANGP(ImagePenalty):
    """E(‖∇D(x̂)‖ − 1)² with x̂ = ε·x + (1 − ε)·G(z); ``weight`` is λ (Gulrajani 2017, eq. 3)."""

    name: Literal["wgan_gp"] = "wgan_gp"
    weight: NotNegative = 10.0

    def value(self, critic: Critic, real: Tensor, fake: Tensor, drawn: Tensor) -> Tensor:
        """See `ImagePenalty.value`."""
        squares = squared_gradient_norms(critic, drawn * real + (1 - drawn) * fake)
        return (roots(squares) - 1).square().mean()
