"""Zero-centred gradient penalty at the real images."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from gantool.penalties.base import Critic, ImagePenalty, squared_gradient_norms


class R1(ImagePenalty):
    """½·E‖∇D(x)‖² at real images; ``weight`` is the papers' γ (Mescheder 2018, eq. 9)."""

    name: Literal["r1"] = "r1"

    def value(self, critic: Critic, real: Tensor, fake: Tensor, drawn: Tensor) -> Tensor:
        """See `ImagePenalty.value`."""
        return 0.5 * squared_gradient_norms(critic, real).mean()
