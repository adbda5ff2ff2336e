"""A plain, strong, small network: for minutes on a CPU rather than hours on a GPU.

Nearest-neighbour upsampling and 3×3 convolutions up; 3×3 and 4×4 strided convolutions down; no normalisation
in the discriminator, so that r1 is cheap and every sample is judged for itself, unless ``minibatch_group`` is set.
What it does not have: residuals, attention, anything grouped (slow in double backward on a CPU).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch.nn.functional as F
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from gantool.images import ImageShape
from gantool.models.base import Discriminator, Generator, ModelSettings
from gantool.nn.conditioning import ClassProjection, LatentWithClass
from gantool.nn.minibatch_std import minibatch_std
from gantool.nn.normalisation import BatchNorm
from gantool.nn.precision import full_precision, head_of
from gantool.nn.resolution import Grid
from gantool.nn.spectral import spectral_norm_everywhere

_SLOPE = 0.2
_WIDEST = 4
"""No layer has more than this many times ``width`` channels."""


class Compact(ModelSettings):
    """``name: compact``. At 28×28 and width 48: 96 channels at 7×7, 48 at 14×14, 24 at 28×28."""

    name: Literal["compact"] = "compact"
    latent_dim: int = Field(default=64, ge=1, le=4096)
    width: int = Field(default=48, ge=2, le=1024, multiple_of=2)
    """Channels of the discriminator's first layer; they double where the sides halve, up to four times it."""
    spectral_norm: bool = False
    """Normalise the discriminator's weights."""
    minibatch_group: PositiveInt = 1
    """The discriminator sees how much so many images differ; 1 for no such layer."""

    def build_generator(self, shape: ImageShape, classes: int) -> Generator:
        """See `ModelSettings.build_generator`."""
        return CompactGenerator(self, shape, self.conditioned_classes(classes))

    def build_discriminator(self, shape: ImageShape, classes: int) -> Discriminator:
        """See `ModelSettings.build_discriminator`."""
        return CompactDiscriminator(self, shape, self.conditioned_classes(classes))


class CompactGenerator(Generator):
    """latent → dense → 3×3 → (×2 → 3×3, 3×3) for each doubling but the last → ×2 → 3×3, 3×3 → image, tanh."""

    def __init__(self, settings: Compact, shape: ImageShape, classes: int) -> None:
        super().__init__(settings.latent_dim, shape, classes)
        self.grid = Grid.of(shape)
        # From the base map up, k + 1 widths: 96, 48, 24 at k = 2.
        widths = [
            min((settings.width << level) // 2, settings.width * _WIDEST)
            for level in range(self.grid.doublings, -1, -1)
        ]
        self.entry = LatentWithClass(settings.latent_dim, classes, settings.class_embedding_dim)
        self.dense = nn.Linear(self.entry.width, widths[0] * self.grid.height * self.grid.width, bias=False)
        self.dense_norm = BatchNorm(widths[0])
        self.base = _Convolution(widths[0], widths[0])
        self.stages = nn.ModuleList(
            nn.Sequential(_Convolution(before, after), _Convolution(after, after))
            for before, after in pairwise(widths[:-1])
        )
        self.last = _Convolution(widths[-2], widths[-1])
        self.image = nn.Conv2d(widths[-1], shape.channels, 3, padding=1)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """See `Generator.forward`."""
        x = self.dense(self.entry(latent, labels))  # N × base·base·C
        # The channels are the last axis of what `dense` returns, so the map is channels-last without a copy.
        x = x.view(len(x), self.grid.height, self.grid.width, -1).permute(0, 3, 1, 2)
        x = self.base(F.relu(self.dense_norm(x)))
        for stage in self.stages:
            x = stage(_doubled(x))
        pixels = full_precision(self.image(self.last(_doubled(x))))
        return pixels.tanh()

    def steering(self) -> Tensor:
        """See `Generator.steering`."""
        weight: Tensor = self.dense.weight
        return weight[:, : self.latent_dim]

    def early(self) -> nn.Module:
        """See `Generator.early`."""
        return self.base


class CompactDiscriminator(Discriminator):
    """image → (3×3, 4×4 stride 2) for each halving → 3×3 → a logit, LeakyReLU(0.2) after each convolution."""

    numbered_from_image = (("convs", 2),)

    def __init__(self, settings: Compact, shape: ImageShape, classes: int) -> None:
        super().__init__(shape, classes)
        grid = Grid.of(shape)
        widths = [min(settings.width << level, settings.width * _WIDEST) for level in range(grid.doublings)]
        self.convs = nn.ModuleList()
        for before, after in pairwise([shape.channels, *widths]):
            self.convs.append(nn.Conv2d(before, after, 3, padding=1))
            self.convs.append(nn.Conv2d(after, after, 4, stride=2, padding=1))
        self.spread, appended = minibatch_std(settings.minibatch_group)
        self.convs.append(nn.Conv2d(widths[-1] + appended, widths[-1], 3, padding=1))
        self.head = nn.Linear(grid.height * grid.width * widths[-1], 1)
        self.projection = ClassProjection(widths[-1], classes) if classes else None
        if settings.spectral_norm:
            spectral_norm_everywhere(self)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """See `Discriminator.forward`."""
        x = images
        for conv in self.convs[:-1]:
            x = F.leaky_relu(conv(x), _SLOPE)
        x = F.leaky_relu(self.convs[-1](self.spread(x)), _SLOPE)
        # In this order the flattening of a channels-last map is a view.
        logits = head_of(self.head, x.permute(0, 2, 3, 1).flatten(1)).squeeze(1)
        return logits if self.projection is None else logits + self.projection(x.mean(dim=(2, 3)), labels)

    def layers(self) -> list[nn.Module]:
        """See `Discriminator.layers`: two convolutions for each halving, and the last one."""
        return [self.convs[start : start + 2] for start in range(0, len(self.convs), 2)]


class _Convolution(nn.Sequential):
    """3×3 convolution, batch norm, ReLU."""

    def __init__(self, before: int, after: int) -> None:
        conv = nn.Conv2d(before, after, 3, padding=1, bias=False)  # the norm brings the bias
        super().__init__(conv, BatchNorm(after), nn.ReLU())


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")
