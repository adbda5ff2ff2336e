"""DiffAugment (Zhao 2020): a few differentiable changes to all that the discriminator sees, real and generated."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from gantool.augment.base import Augmentation
from gantool.nn.layout import as_laid_out
from gantool.nn.warp import jitter
from gantool.schedules import Scheduled

_LARGEST_SHIFT = 1 / 8
_CUT = 1 / 2

Change = Literal["colour", "translation", "cutout"]


class DiffAugment(Augmentation):
    """Colour: brightness + U(−½, ½), saturation × U(0, 2) about the mean of the channels, contrast × U(½, 3⁄2) about
    the mean of the image. Translation: up to ⅛ of the sides. Cutout: a square of half the sides.

    All three for some hundred pictures, translation and cutout for some ten thousand. What is moved in or cut out is
    0, the middle grey. The alpha of rgba keeps its values, but moves with the rest.
    """

    name: Literal["diffaugment"] = "diffaugment"
    probability: Scheduled = 1.0
    changes: tuple[Change, ...] = Field(default=("colour", "translation", "cutout"), min_length=1)
    """Which ones."""

    def draw(self, count: int, chance: float | Tensor, source: torch.Generator) -> Tensor:
        """Count×8: U(0, 1) for each number that a change needs; at last whether the image is changed at all."""
        uniform = torch.rand(count, 8, generator=source, device=source.device)
        return torch.cat([uniform[:, :7], (uniform[:, 7:] < chance).float()], dim=1)

    def apply(self, images: Tensor, parameters: Tensor) -> Tensor:
        """See `Augmentation.apply`."""
        brightness, saturation, contrast, down, right, row, column = parameters[:, :7].to(images.dtype).unbind(dim=1)
        changed = images
        if "colour" in self.changes:
            changed = _recoloured(changed, brightness, saturation, contrast)
        if "translation" in self.changes:
            changed = jitter(changed, down, right, _LARGEST_SHIFT)
        if "cutout" in self.changes:
            cut = _cut(row, images.shape[2])[:, None, :, None] & _cut(column, images.shape[3])[:, None, None, :]
            changed = changed.masked_fill(cut, 0.0)
        return as_laid_out(torch.where(parameters[:, 7].view(-1, 1, 1, 1) > 0, changed, images), images)


def _recoloured(images: Tensor, brightness: Tensor, saturation: Tensor, contrast: Tensor) -> Tensor:
    brightness, saturation, contrast = (u.view(-1, 1, 1, 1) for u in (brightness, saturation, contrast))
    colours = images[:, :3] + (brightness - 0.5)
    grey = colours.mean(dim=1, keepdim=True)
    colours = (colours - grey) * (2 * saturation) + grey
    mean = colours.mean(dim=(1, 2, 3), keepdim=True)
    colours = (colours - mean) * (contrast + 0.5) + mean
    return colours if images.shape[1] <= 3 else torch.cat([colours, images[:, 3:]], dim=1)


def _cut(uniform: Tensor, side: int) -> Tensor:
    """U(0, 1) → which of the places N×side are cut: half of them about a middle that lies anywhere."""
    length = int(side * _CUT + 0.5)
    middle = (uniform * (side + 1 - length % 2)).floor().long()
    first = (middle - length // 2)[:, None]
    places = torch.arange(side, device=uniform.device)
    return (places >= first) & (places < first + length)
