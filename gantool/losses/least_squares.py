"""Regression instead of classification: a fake that is far on the right side still feels a pull."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor

from gantool.losses.base import Loss
from gantool.nn.precision import full_precision


class LeastSquares(Loss):
    """½E(t − target)², with targets 1 for real and 0 for fake (Mao 2017, eq. 9: a = 0, b = c = 1)."""

    boundary: ClassVar[float] = 0.5

    name: Literal["least_squares"] = "least_squares"

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """See `Loss.discriminator`."""
        return 0.5 * ((full_precision(real) - 1).square().mean() + full_precision(fake).square().mean())

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """See `Loss.generator`."""
        return 0.5 * (full_precision(fake) - 1).square().mean()
