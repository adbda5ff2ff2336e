"""What every augmentation offers: parameters drawn for the whole batch, and a differentiable application."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import field_validator
from torch import Tensor

from gantool.component import Settings
from gantool.nn.memory import Memory
from gantool.schedules import Ramp, Scheduled, value_at


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

    @property
    def needs_absolute_zero(self) -> bool:
        """Whether it is steered by the sign of logits, which `relativistic` and `wasserstein` give no meaning."""
        return False

    def memory(self) -> Memory:
        """What it remembers from step to step, as it is before the first one."""
        return {}

    def chance(self, images_seen: int, memory: Memory) -> float | Tensor:
        """The probability now: a number, or a scalar on the run's device."""
        return value_at(self.probability, images_seen)

    def draw(self, count: int, chance: float | Tensor, source: torch.Generator) -> Tensor:
        """Parameters for ``count`` images, count×k, on the device of ``source``; ``chance`` is from `chance`."""
        raise NotImplementedError

    def apply(self, images: Tensor, parameters: Tensor) -> Tensor:
        """Images N×C×H×W, parameters N×k → N×C×H×W; twice differentiable in ``images``."""
        raise NotImplementedError

    def observe(self, real_logits: Tensor, memory: Memory) -> None:
        """Take note of the logits N of real images that it was applied to."""

    def steer(self, step: int, batch_size: int, memory: Memory) -> dict[str, Tensor]:
        """After the discriminator's step number ``step``: move on, and say what is worth logging, by name.

        The names are always the same: those that it gives of a fresh memory.
        """
        return {}
