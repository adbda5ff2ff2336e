"""What every adversarial loss offers. A loss has no state, so its settings are the loss: nothing is built."""

from __future__ import annotations

from typing import ClassVar

from pydantic import PositiveFloat
from torch import Tensor

from gantool.component import Settings


class Loss(Settings):
    """A pair of losses, computed from logits in float32, stable at |logit| = 1e4."""

    needs_both: ClassVar[bool] = False
    """Whether the generator's loss looks at the real logits too (the relativistic ones do)."""

    absolute_zero: ClassVar[bool] = True
    """Whether a logit above `boundary` means real. Where it does not, accuracy is P(D(x) > D(G(z)))."""

    boundary: ClassVar[float] = 0.0
    """The logit between fake and real, where there is an absolute one."""

    discriminator_scale: PositiveFloat = 1.0
    """Factor on the discriminator's loss: 1 for the sum of its two halves, 0.5 for their mean."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Real and fake logits, N each → a scalar to minimise, before ``discriminator_scale``."""
        raise NotImplementedError

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """Fake logits N (and real ones where `needs_both`) → a scalar to minimise.

        Raises:
            ValueError: without real logits where `needs_both`.
        """
        raise NotImplementedError
