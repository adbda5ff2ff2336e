"""Dropout whose mask comes from the step's own generator, so that a resumed run drops the same units."""

from __future__ import annotations

import functools

import torch
from torch import Tensor, nn

from gantool import seeding

_LEVELS = 1 << 16
_LANES = 4  # 16-bit lanes in a 64-bit word


class Dropout(nn.Module):
    """Sets each element to zero with ``probability`` while training, and keeps the mean (Srivastava 2014).

    One 64-bit word decides four elements, 16 bits each, and a comparison turns them into the mask where they lie:
    on a CPU this takes a twentieth of the time of ``bernoulli_``. The probability is therefore a multiple of 2⁻¹⁶.
    What is kept is multiplied by the inverse of the keep probability *as the features' dtype has it*, and the
    probability follows: at 0.3 it is 0.30000 in float32 and 0.30055 in bfloat16, where 1/0.7 does not exist and
    rounding it would shift every mean by 0.1 %.

    Args:
        probability: of dropping an element, in [0, 1).
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        if not 0 <= probability < 1:
            raise ValueError(f"the probability of dropout is in [0, 1), not {probability}")
        self.probability = probability

    def forward(self, features: Tensor) -> Tensor:
        """Any shape → the same shape, dtype and memory format; twice differentiable.

        Raises:
            RuntimeError: while training outside of `seeding.installed`.
        """
        if not self.training or kept_levels(self.probability, features.dtype) == _LEVELS:
            return features
        return features * self._mask(features)

    def extra_repr(self) -> str:
        """What ``print(module)`` shows."""
        return f"probability={self.probability}"

    def _mask(self, features: Tensor) -> Tensor:
        """Zeros and scales, in the dtype and memory order of ``features``: mixed orders are slow to multiply."""
        levels = kept_levels(self.probability, features.dtype)
        scale = torch.tensor(_LEVELS / levels, dtype=features.dtype)
        words = seeding.words(-(-features.numel() // _LANES), features.device)
        kept = words.view(torch.int16)[: features.numel()].lt_(levels - _LEVELS // 2)  # 1 or 0
        if scale.itemsize == kept.itemsize:
            # Half precision: an integer product with the scale's own bits is the scale or zero, without a pass to cast.
            mask = kept.mul_(int(scale.view(torch.int16))).view(features.dtype)
        else:
            mask = kept.to(features.dtype).mul_(float(scale))
        if features.dim() == 4 and features.is_contiguous(memory_format=torch.channels_last):
            count, channels, height, width = features.shape
            return mask.view(count, height, width, channels).permute(0, 3, 1, 2)
        return mask.view(features.shape)


@functools.cache
def kept_levels(probability: float, dtype: torch.dtype) -> int:
    """How many of the 2¹⁶ levels of a lane keep an element: so many that the scale is a number of ``dtype``."""
    wanted = max(2, round((1 - probability) * _LEVELS))  # 65,536 is not a number of float16
    scale = torch.tensor(_LEVELS / wanted, dtype=dtype)
    return min(_LEVELS, round(_LEVELS / float(scale)))
