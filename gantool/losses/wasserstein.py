"""The difference of means, whose largest value over 1-Lipschitz critics is the earth mover's distance."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor

from gantool.losses.base import Loss
from gantool.nn.precision import full_precision


class Wasserstein(Loss):
    """L_D = E t(fake) − E t(real), L_G = −E t(fake) (Arjovsky 2017, eq. 2, 3).

    It needs a critic that is kept smooth: spectral norm, or the penalty ``wgan_gp``. Only differences of its
    logits mean anything.
    """

    absolute_zero: ClassVar[bool] = False

    name: Literal["wasserstein"] = "wasserstein"

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """See `Loss.discriminator`."""
        return full_precision(fake).mean() - full_precision(real).mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """See `Loss.generator`."""
        return -full_precision(fake).mean()
