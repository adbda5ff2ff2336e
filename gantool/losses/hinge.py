"""The margin loss: samples that are classified with room to spare teach the discriminator nothing more."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

from gantool.losses.base import Loss
from gantool.nn.precision import full_precision


class Hinge(Loss):
    """L_D = E max(0, 1 − t(real)) + E max(0, 1 + t(fake)), L_G = −E t(fake) (Miyato 2018, eq. 16, 17)."""

    name: Literal["hinge"] = "hinge"

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """See `Loss.discriminator`."""
        return F.relu(1 - full_precision(real)).mean() + F.relu(1 + full_precision(fake)).mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """See `Loss.generator`."""
        return -full_precision(fake).mean()
