"""Adaptive discriminator augmentation (Karras 2020, ADA): as much as it takes to keep the discriminator from
learning its pictures by heart, and no more.

While real images are told apart with ease, the mean sign r of their logits is near 1. The controller raises the
probability p of every change while r is above its target and lowers it below. p is part of the run's state.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor

from gantool import distributed
from gantool.augment.ada_changes import recoloured, warped
from gantool.augment.base import Augmentation
from gantool.nn.memory import Memory
from gantool.schedules import Ramp, Scheduled, value_at


class ADA(Augmentation):
    """``name: ada``. The paper's pixel blits, geometry and colours (appendix B); each with probability p.

    With ``target: null`` p is ``probability``, a number or a ramp, and nothing is steered: the only way with losses
    whose logits have no absolute zero.
    """

    name: Literal["ada"] = "ada"
    probability: Scheduled = 0.0
    """Where p begins; with ``target: null`` what it is."""
    target: Annotated[float, Field(gt=-1, lt=1)] | None = 0.6
    """The mean sign of the real logits that p is steered to; null for p as it is given."""
    limit: Annotated[float, Field(gt=0, le=1)] = 0.8
    """A steered p is never above it: beyond, changes leak into what is generated."""
    every_steps: PositiveInt = 4
    """Discriminator steps between two corrections."""
    ramp_images: PositiveInt = 500_000
    """A steered p takes at least so many images from 0 to 1."""

    @model_validator(mode="after")
    def _one_master(self) -> ADA:
        if self.target is not None and isinstance(self.probability, Ramp):
            raise ValueError(
                "a ramp and a target both want to set the probability; give target: null to follow the ramp"
            )
        return self

    @property
    def needs_absolute_zero(self) -> bool:
        """See `Augmentation.needs_absolute_zero`."""
        return self.target is not None

    def memory(self) -> Memory:
        """``probability``; ``signs`` and ``steps`` since the last correction; ``r``, what it was corrected by."""
        if self.target is None:
            return {}
        start = torch.tensor(min(value_at(self.probability, 0), self.limit))
        return {"probability": start, **{name: torch.zeros(()) for name in ("signs", "steps", "r")}}

    def chance(self, images_seen: int, memory: Memory) -> float | Tensor:
        """See `Augmentation.chance`."""
        return value_at(self.probability, images_seen) if self.target is None else memory["probability"]

    def observe(self, real_logits: Tensor, memory: Memory) -> None:
        """See `Augmentation.observe`."""
        if self.target is not None:
            memory["signs"] += real_logits.float().sign().mean()
            memory["steps"] += 1

    def steer(self, step: int, batch_size: int, memory: Memory) -> dict[str, Tensor]:
        """See `Augmentation.steer`; p moves by as much, whatever the error (§3.1)."""
        if self.target is None:
            return {}
        if (step + 1) % self.every_steps == 0:
            memory["r"].copy_(distributed.mean(memory["signs"] / memory["steps"].clamp(min=1)))
            move = (memory["r"] - self.target).sign() * (self.every_steps * batch_size / self.ramp_images)
            memory["probability"].add_(move).clamp_(0, self.limit)
            memory["signs"].zero_()
            memory["steps"].zero_()
        return {"ada_probability": memory["probability"], "ada_r": memory["r"]}

    def draw(self, count: int, chance: float | Tensor, source: torch.Generator) -> Tensor:
        """Count×15, one column for each number in `gantool.augment.ada_changes`; 0 where a change is left out."""

        def uniform(width: int = 1) -> Tensor:
            return torch.rand(count, width, generator=source, device=source.device)

        def normal(deviation: float, width: int = 1) -> Tensor:
            return torch.randn(count, width, generator=source, device=source.device) * deviation

        # Rotation comes twice, before and after the uneven scaling; both together have probability p.
        turned = 1 - (1 - chance) ** 0.5
        drawn: list[tuple[Tensor, float | Tensor]] = [
            ((uniform() * 2).floor(), chance),  # flip left to right
            ((uniform() * 4).floor(), chance),  # quarter turns
            ((uniform(2) * 2 - 1) * 0.125, chance),  # shift by whole pixels, as a share of the sides
            (normal(0.2), chance),  # log2 of the scale
            ((uniform() * 2 - 1) * math.pi, turned),  # rotation
            (normal(0.2), chance),  # log2 of the anisotropy
            ((uniform() * 2 - 1) * math.pi, turned),  # rotation
            (normal(0.125, 2), chance),  # shift, as a share of the sides
            (normal(0.2), chance),  # brightness
            (normal(0.5), chance),  # log2 of the contrast
            ((uniform() * 2).floor(), chance),  # luma flip
            ((uniform() * 2 - 1) * math.pi, chance),  # hue
            (normal(1.0), chance),  # log2 of the saturation
        ]
        return torch.cat([torch.where(uniform() < share, value, 0.0) for value, share in drawn], dim=1)

    def apply(self, images: Tensor, parameters: Tensor) -> Tensor:
        """See `Augmentation.apply`; an image without a change stays as it is, to the last bit."""
        with torch.autocast(images.device.type, enabled=False):
            return recoloured(warped(images, parameters[:, :10]), parameters[:, 10:])
