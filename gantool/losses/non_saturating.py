"""The loss that GANs are trained with since the first: each network lowers its own cross-entropy."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

from gantool.losses.base import Loss
from gantool.nn.precision import full_precision


class NonSaturating(Loss):
    """L_D = −log D(x) − log(1 − D(G(z))), L_G = −log D(G(z)) with D = sigmoid(logit) (Goodfellow 2014, §3).

    With t a logit: −log D = softplus(−t), −log(1 − D) = softplus(t).
    """

    name: Literal["non_saturating"] = "non_saturating"

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """See `Loss.discriminator`."""
        return F.softplus(-full_precision(real)).mean() + F.softplus(full_precision(fake)).mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """See `Loss.generator`."""
        return F.softplus(-full_precision(fake)).mean()
