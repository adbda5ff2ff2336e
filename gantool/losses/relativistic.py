"""The loss that only asks which of a pair is the real one, so that no mode can be given up for good."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch.nn.functional as F
from torch import Tensor

from gantool.losses.base import Loss
from gantool.nn.precision import full_precision


class Relativistic(Loss):
    """L_D = E softplus(t(fake) − t(real)), L_G = E softplus(t(real) − t(fake)) (R3GAN, 2024, eq. 2).

    Real image i is compared with fake image i, which carries its label. It is used with r1 and r2 together.
    """

    needs_both: ClassVar[bool] = True
    absolute_zero: ClassVar[bool] = False

    name: Literal["relativistic"] = "relativistic"

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """See `Loss.discriminator`; real and fake are of one length."""
        return F.softplus(full_precision(fake) - full_precision(real)).mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """See `Loss.generator`; real and fake are of one length."""
        if real is None:
            raise ValueError("the relativistic loss of the generator needs the real logits too")
        return F.softplus(full_precision(real) - full_precision(fake)).mean()
