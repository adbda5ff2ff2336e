"""Mirror images: the data set seen from the left and from the right."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from gantool.augment.base import Augmentation
from gantool.schedules import Scheduled


class Mirror(Augmentation):
    """Flips real images left to right, each with ``probability``; what is generated then shows both sides.

    Not for pictures whose sides differ, as those of letters and digits do.
    """

    reals_only: ClassVar[bool] = True

    name: Literal["mirror"] = "mirror"
    probability: Scheduled = 0.5

    def draw(self, count: int, chance: float | Tensor, source: torch.Generator) -> Tensor:
        """Whether each image is flipped, count×1, bool."""
        uniform = torch.rand(count, 1, generator=source, device=source.device)
        return uniform < chance

    def apply(self, images: Tensor, parameters: Tensor) -> Tensor:
        """See `Augmentation.apply`."""
        return torch.where(parameters.view(-1, 1, 1, 1), images.flip(3), images)
