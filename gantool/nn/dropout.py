"""Dropout whose mask comes from the step's own generator, so that a resumed run drops the same units."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gantool import seeding

_LEVELS = 1 << 16
_LANES = 4  # 16-bit lanes in a 64-bit draw


class Dropout(nn.Module):
    """Sets each element to zero with ``probability`` while training, and keeps the mean (Srivastava 2014).

    One 64-bit draw decides four elements, 16 bits each: drawing is serial on a CPU, and this takes
    a tenth of the time of ``bernoulli_``. The probability is therefore a multiple of 2⁻¹⁶; the scale is the
    exact inverse of the keep probability that results.

    Args:
        probability: of dropping an element, in [0, 1).
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        if not 0 <= probability < 1:
            raise ValueError(f"the probability of dropout is in [0, 1), not {probability}")
        self.probability = probability
        self.kept_levels = max(1, round((1 - probability) * _LEVELS))

    def forward(self, features: Tensor) -> Tensor:
        """Any shape → the same shape, dtype and memory format; twice differentiable.

        Raises:
            RuntimeError: while training outside of `seeding.installed`.
        """
        if not self.training or self.kept_levels == _LEVELS:
            return features
        # The scale is a second factor, not part of the mask: bfloat16 would round 1/0.7 by 0.1 %.
        return features * self._mask(features) * (_LEVELS / self.kept_levels)

    def extra_repr(self) -> str:
        """What ``print(module)`` shows."""
        return f"probability={self.probability}"

    def _mask(self, features: Tensor) -> Tensor:
        """Ones and zeros in the dtype and memory order of ``features``: mixed orders are slow to multiply."""
        source = seeding.current()
        draws = torch.empty(-(-features.numel() // _LANES), dtype=torch.int64, device=features.device)
        draws.random_(-(2**63), None, generator=source)  # all 64 bits; without the bounds the top one stays 0
        lanes = draws.view(torch.int16)[: features.numel()]
        kept = (lanes < self.kept_levels - _LEVELS // 2).to(features.dtype)
        if features.dim() == 4 and features.is_contiguous(memory_format=torch.channels_last):
            count, channels, height, width = features.shape
            return kept.view(count, height, width, channels).permute(0, 3, 1, 2)
        return kept.view(features.shape)
