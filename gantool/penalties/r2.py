"""Zero-centred gradient penalty at the generated images."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from gantool.penalties.base import Critic, ImagePenalty, squared_gradient_norms


class R2(ImagePenalty):
    """½·E‖∇D(G(z))‖² at generated images; ``weight`` is the papers' γ (Mescheder 2018, eq. 10)."""

    name: Literal["r2"] = "r2"

    def value(self, critic: Critic, real: Tensor, fake: Tensor, drawn: Tensor) -> Tensor:
        """See `ImagePenalty.value`."""
        return 0.5 * squared_gradient_norms(critic, fake).mean()
