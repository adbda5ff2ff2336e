"""What every augmentation offers: parameters drawn for the whole batch, and a differentiable application."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import field_validator
from torch import Tensor

from gantool.component import Settings
from gantool.schedules import Ramp, Scheduled


class Augmentation(Settings):
    """A change to what the discriminator is shown."""

    reals_only: ClassVar[bool] = False
    """True for a change of the data set itself (its mirror images are data too); False for one that real and
    fake images both pass, so that it does not leak into what is generated (Karras 2020, ADA)."""

    probability: Scheduled = 1.0
    """That an image is changed."""

    @field_validator("probability")
    @classmethod
    def _probability_is_one(cls, probability: Scheduled) -> Scheduled:
        ends = (probability.start, probability.to) if isinstance(probability, Ramp) else (probability,)
        if min(ends) < 0 or max(ends) > 1:
            raise ValueError("a probability lies between 0 and 1")
        return probability

    def draw(self, count: int, images_seen: int, source: torch.Generator) -> Tensor:
        """Parameters for ``count`` images, count×k, on the device of ``source``."""
        raise NotImplementedError

    def apply(self, images: Tensor, parameters: Tensor) -> Tensor:
        """Images N×C×H×W, parameters N×k → N×C×H×W; twice differentiable in ``images``."""
        raise NotImplementedError
