"""The two-player game as it is first written down, whose generator learns little while it is losing."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

from gantool.losses.base import Loss
from gantool.nn.precision import full_precision


class Minimax(Loss):
    """min over G, max over D of E log D(x) + E log(1 − D(G(z))) (Goodfellow 2014, eq. 1).

    The generator's loss is log(1 − D(G(z))) = −softplus(logit): it has no lower bound.
    """

    name: Literal["minimax"] = "minimax"

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """See `Loss.discriminator`."""
        return F.softplus(-full_precision(real)).mean() + F.softplus(full_precision(fake)).mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """See `Loss.generator`."""
        return -F.softplus(full_precision(fake)).mean()
