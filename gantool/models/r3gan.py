"""R3GAN: what is left of a GAN when every trick is taken away (2024, "The GAN is dead; long live the GAN!").

Residual blocks without normalisation, made for the relativistic loss with r1 and r2. The defaults are the paper's
networks for CIFAR-10; it widens the last levels less on larger images (`wide_levels`).

Its grouped 3×3 convolutions are slow in the second backward pass on a CPU. There, plain narrow blocks do:
``{width: 96, group_size: null, expansion: 1}``.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal, TypeVar

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from gantool.images import ImageShape
from gantool.models.base import Discriminator, Generator, ModelSettings
from gantool.nn.conditioning import ClassProjection, LatentWithClass
from gantool.nn.initialisation import he_normal
from gantool.nn.layout import as_laid_out
from gantool.nn.precision import full_precision, head_of
from gantool.nn.resampling import double, halve
from gantool.nn.resolution import Grid
from gantool.nn.spectral import spectral_norm_everywhere

_SLOPE = 0.2
_GAIN = math.sqrt(2 / (1 + _SLOPE**2))
"""Keeps the variance through a convolution and LeakyReLU(0.2)."""


Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)


class R3GAN(ModelSettings):
    """``name: r3gan``. Level ℓ has maps of base·2^ℓ pixels; either network has ``blocks`` residual blocks a level."""

    name: Literal["r3gan"] = "r3gan"
    latent_dim: int = Field(default=64, ge=1, le=4096)
    class_embedding_dim: int = Field(default=64, ge=1, le=4096)
    width: PositiveInt = 768
    """Channels of the lowest ``wide_levels`` levels; each one above them has half the channels of the one below."""
    wide_levels: PositiveInt = 4
    """4×4 to 32×32 in the paper."""
    blocks: int = Field(default=2, ge=1, le=100)
    """Residual blocks a level."""
    expansion: PositiveInt = 2
    """The 3×3 convolution of a block has so many times its channels."""
    group_size: PositiveInt | None = 16
    """Channels of a group of the 3×3 convolutions; null for no groups."""
    spectral_norm: bool = False
    """Normalise the discriminator's weights."""

    def build_generator(self, shape: ImageShape, classes: int) -> Generator:
        """See `ModelSettings.build_generator`."""
        return R3GANGenerator(self, shape, self.conditioned_classes(classes))

    def build_discriminator(self, shape: ImageShape, classes: int) -> Discriminator:
        """See `ModelSettings.build_discriminator`."""
        return R3GANDiscriminator(self, shape, self.conditioned_classes(classes))

    def widths(self, grid: Grid) -> list[int]:
        """Channels from the base up."""
        return [max(1, self.width >> max(0, level + 1 - self.wide_levels)) for level in range(grid.doublings + 1)]


class R3GANGenerator(Generator):
    """a learned base map, each channel weighted by the latent → blocks → (×2 → blocks) for each doubling → 1×1."""

    bounded = False  # the paper has no tanh

    def __init__(self, settings: R3GAN, shape: ImageShape, classes: int) -> None:
        super().__init__(settings.latent_dim, shape, classes)
        grid = Grid.of(shape)
        widths = settings.widths(grid)
        count = settings.blocks * len(widths)
        self.entry = LatentWithClass(settings.latent_dim, classes, settings.class_embedding_dim)
        self.basis = nn.Parameter(torch.randn(widths[0], grid.height, grid.width))
        self.weights = _filled(nn.Linear(self.entry.width, widths[0], bias=False))
        self.levels = nn.ModuleList(_blocks(settings, width, count) for width in widths)
        self.changes = nn.ModuleList(_change(*pair) for pair in pairwise(widths))
        self.image = _filled(nn.Conv2d(widths[-1], shape.channels, 1, bias=False))

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """See `Generator.forward`."""
        x = self.basis * self.weights(self.entry(latent, labels))[:, :, None, None]  # N×C×base×base
        # (A weight of 1×1 fits both memory formats.)
        wide = next(block.mix.weight for block in self.levels.modules() if isinstance(block, _Block))
        x = self.levels[0](as_laid_out(x, wide))
        for level, change in zip(self.levels[1:], self.changes, strict=True):
            x = level(change(double(x)))
        return full_precision(self.image(x))

    def steering(self) -> Tensor:
        """See `Generator.steering`."""
        weight: Tensor = self.weights.weight
        return weight[:, : self.latent_dim]

    def early(self) -> nn.Module:
        """See `Generator.early`."""
        return self.levels[0]


class R3GANDiscriminator(Discriminator):
    """1×1 → blocks → (halving → blocks) for each doubling → a weighted sum over the base map → a logit.

    With classes the last layer gives a vector, and the logit is its inner product with the class's.
    """

    numbered_from_image = (("levels", 1), ("changes", 1))

    def __init__(self, settings: R3GAN, shape: ImageShape, classes: int) -> None:
        super().__init__(shape, classes)
        grid = Grid.of(shape)
        widths = settings.widths(grid)[::-1]
        count = settings.blocks * len(widths)
        self.pixels = _filled(nn.Conv2d(shape.channels, widths[0], 1, bias=False))
        self.levels = nn.ModuleList(_blocks(settings, width, count) for width in widths)
        self.changes = nn.ModuleList(_change(*pair) for pair in pairwise(widths))
        # A depthwise convolution of the whole map is a weighted sum a channel.
        self.basis = nn.Parameter(
            torch.randn(widths[-1], grid.height, grid.width) / math.sqrt(grid.height * grid.width)
        )
        self.head = _filled(nn.Linear(widths[-1], widths[-1] if classes else 1, bias=False))
        self.projection = ClassProjection(widths[-1], classes) if classes else None
        if settings.spectral_norm:
            spectral_norm_everywhere(self)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """See `Discriminator.forward`."""
        x = self.levels[0](self.pixels(images))
        for level, change in zip(self.levels[1:], self.changes, strict=True):
            x = level(change(halve(x)))
        features = head_of(self.head, (x * self.basis).sum(dim=(2, 3)))
        return features.squeeze(1) if self.projection is None else self.projection(features, labels)

    def layers(self) -> list[nn.Module]:
        """See `Discriminator.layers`: a level, with what leads to it."""
        ways = [self.pixels, *self.changes]
        return [nn.ModuleList(pair) for pair in zip(ways, self.levels, strict=True)]


class _Block(nn.Module):
    """x + 1×1(LeakyReLU(grouped 3×3(LeakyReLU(1×1(x))))), biases before the LeakyReLUs only (figure 3d).

    With L blocks in a network the first two convolutions shrink by L^(−1/4), and the last one starts at 0, so that
    the variance does not grow from block to block (Fixup; Zhang 2019).
    """

    def __init__(self, settings: R3GAN, width: int, blocks: int) -> None:
        super().__init__()
        inner = width * settings.expansion
        groups = 1 if settings.group_size is None else inner // math.gcd(inner, settings.group_size)
        gain = _GAIN * blocks**-0.25
        self.enter = _filled(nn.Conv2d(width, inner, 1), gain)
        self.mix = _filled(nn.Conv2d(inner, inner, 3, padding=1, groups=groups), gain)
        # (There is no direction in a weight of 0 that spectral norm could give a length.)
        self.leave = _filled(nn.Conv2d(inner, width, 1, bias=False), float(settings.spectral_norm))

    def forward(self, x: Tensor) -> Tensor:
        """N×C×H×W → the same shape."""
        y = F.leaky_relu(self.mix(F.leaky_relu(self.enter(x), _SLOPE)), _SLOPE)
        mixed: Tensor = x + self.leave(y)
        return mixed


def _blocks(settings: R3GAN, width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(_Block(settings, width, count) for _ in range(settings.blocks)))


def _change(before: int, after: int) -> nn.Module:
    """1×1, only where the width changes."""
    return nn.Identity() if before == after else _filled(nn.Conv2d(before, after, 1, bias=False))


def _filled(layer: Layer, gain: float = 1.0) -> Layer:
    he_normal(layer, gain)
    return layer
