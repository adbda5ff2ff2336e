"""FastGAN (Liu 2021): for a few hundred pictures of 64×64 and more, trained in hours on one device.

Small maps excite large ones over a skip in the generator, and the discriminator has to be able to draw again what it
saw, so that it cannot look at a few telling details alone. Differs from the paper: the discriminator's small copy is
made from the image instead of drawn by the generator, and reconstructions are compared by mean absolute difference
instead of by the features of another network.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveFloat, PositiveInt
from torch import Tensor, nn

from gantool import seeding
from gantool.errors import ConfigError
from gantool.images import ImageShape
from gantool.models.base import Generator, Judgement
from gantool.models.pooled import PooledDiscriminator, PooledSettings
from gantool.nn.conditioning import LatentWithClass
from gantool.nn.initialisation import he_normal
from gantool.nn.noise import Noise
from gantool.nn.normalisation import BatchNorm
from gantool.nn.precision import full_precision
from gantool.nn.resolution import Grid
from gantool.nn.spectral import spectral_norm_everywhere

_SLOPE = 0.2
_GATED_GAIN = 2.0
_FEWEST_DOUBLINGS = 4
_SKIP = 4
"""A map excites the one that is so many doublings larger: 4 → 64, 8 → 128, 16 → 256."""
_DRAWN = 4
"""Reconstructions are so many doublings above the base: 64×64."""
_WIDTHS_G = (16, 8, 4, 2, 2, 1, 0.5)
"""Channels of the generator's maps from the base up, as multiples of ``width``."""
_WIDTHS_D = (16, 16, 8, 4, 2, 1, 0.5)


class FastGAN(PooledSettings):
    """``name: fastgan``. From 64 pixels a side."""

    name: Literal["fastgan"] = "fastgan"
    latent_dim: int = Field(default=256, ge=1, le=4096)
    width: PositiveInt = 64
    """Channels of a 128×128 map; a 4×4 map has sixteen times as many."""
    noise: bool = True
    """Add noise in every second block of the generator."""
    discriminator_norm: Literal["batch", "none"] = "batch"
    """With batch norm, as in the paper, an image is judged beside the others of its batch; gradient penalties are meant
    for ``none``, and that for ``spectral_norm: false``: both together leave next to no signal."""
    reconstruction_weight: PositiveFloat = 1.0
    """Of the discriminator's loss for drawing real pictures again."""
    spectral_norm: bool = True
    """Normalise the discriminator's weights."""
    generator_spectral_norm: bool = True
    """Normalise the generator's weights."""

    def check(self, shape: ImageShape) -> None:
        """See `ModelSettings.check`."""
        if Grid.of(shape).doublings < _FEWEST_DOUBLINGS:
            raise ConfigError(
                f"data.resolution: {min(shape.height, shape.width)} is too small for fastgan, which draws from 64 "
                "pixels a side; take 64, 80, 96, 112, 128, … or another model"
            )

    def build_generator(self, shape: ImageShape, classes: int) -> Generator:
        """See `ModelSettings.build_generator`."""
        self.check(shape)
        return FastGANGenerator(self, shape, self.conditioned_classes(classes))

    def build_discriminator(self, shape: ImageShape, classes: int) -> PooledDiscriminator:
        """See `ModelSettings.build_discriminator`."""
        self.check(shape)
        return FastGANDiscriminator(self, shape, self.conditioned_classes(classes))


class FastGANGenerator(Generator):
    """latent → dense → blocks that double the sides, large maps excited by small ones → 3×3 → image, tanh."""

    def __init__(self, settings: FastGAN, shape: ImageShape, classes: int) -> None:
        super().__init__(settings.latent_dim, shape, classes)
        self.grid = Grid.of(shape)
        widths = _widths(settings, _WIDTHS_G, self.grid.doublings)
        self.entry = LatentWithClass(settings.latent_dim, classes, settings.class_embedding_dim)
        self.dense = nn.Linear(self.entry.width, 2 * widths[0] * self.grid.height * self.grid.width, bias=False)
        self.dense_norm = BatchNorm(2 * widths[0])
        # Every second block has two convolutions, and noise.
        self.blocks = nn.ModuleList(
            _UpBlock(before, after, rich=level % 2 == 0, noise=settings.noise)
            for level, (before, after) in enumerate(pairwise(widths))
        )
        self.excitations = nn.ModuleList(
            _Excitation(widths[level], widths[level + _SKIP], self.grid, level)
            for level in range(self.grid.doublings + 1 - _SKIP)
        )
        he_normal(self, _GATED_GAIN)
        self.image = nn.Conv2d(widths[-1], shape.channels, 3, padding=1)
        he_normal(self.image)
        if settings.generator_spectral_norm:
            spectral_norm_everywhere(self, embeddings=False)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """See `Generator.forward`."""
        x = self.dense(self.entry(latent, labels))
        # The channels are the last axis of what `dense` returns, so the map is channels-last without a copy.
        x = x.view(len(x), self.grid.height, self.grid.width, -1).permute(0, 3, 1, 2)
        maps = [_gated(self.dense_norm(x))]
        for level, block in enumerate(self.blocks, start=1):
            x = block(maps[-1])
            if level >= _SKIP:
                x = x * self.excitations[level - _SKIP](maps[level - _SKIP])
            maps.append(x)
        pixels = full_precision(self.image(maps[-1]))
        return pixels.tanh()

    def steering(self) -> Tensor:
        """See `Generator.steering`."""
        weight: Tensor = self.dense.weight
        return weight[:, : self.latent_dim]

    def early(self) -> nn.Module:
        """See `Generator.early`."""
        return self.blocks[0]


class _Maps(NamedTuple):
    """What the discriminator sees of a batch: N×C×h×w, h two or four times the base."""

    whole: Tensor
    middle: Tensor
    small: Tensor


class FastGANDiscriminator(PooledDiscriminator):
    """image → halving blocks → 3×3; a copy of half the sides → the same, narrower; the means of both → heads.

    It draws real images again from the last maps, and a random quadrant from the map before.
    """

    numbered_from_image = (("blocks", 1), ("small_blocks", 1))

    def __init__(self, settings: FastGAN, shape: ImageShape, classes: int) -> None:
        self.grid = Grid.of(shape)
        k = self.grid.doublings
        widths = _widths(settings, _WIDTHS_D, k)[::-1]
        last = widths[-2]  # the base map itself is not reached
        small = max(1, last // 2)
        norm = settings.discriminator_norm == "batch"
        super().__init__(settings, shape, classes, features=last + small)
        self.losses_of_reals = (*self.losses_of_reals, "reconstruction")
        self.reconstruction_weight = settings.reconstruction_weight
        self.pixels = _layer(shape.channels, widths[0], 3, norm=False)
        self.blocks = nn.ModuleList(_DownBlock(before, after, norm=norm) for before, after in pairwise(widths[:-1]))
        self.last = _layer(last, last, 3, norm=norm)
        narrow = [max(1, width // 2) for width in widths[1:-1]]
        self.small_pixels = _layer(shape.channels, narrow[0], 3, norm=False)
        self.small_blocks = nn.ModuleList(_DownBlock(before, after, norm=norm) for before, after in pairwise(narrow))
        # The maps are one doubling above the base, and so is a quadrant of the one before.
        self.draw_whole = _Decoder(last, shape.channels, _DRAWN - 1, norm=norm)
        self.draw_small = _Decoder(small, shape.channels, _DRAWN - 1, norm=norm)
        self.draw_part = _Decoder(widths[-3], shape.channels, min(_DRAWN, k - 1) - 1, norm=norm)
        he_normal(self, math.sqrt(2))
        for decoder in (self.draw_whole, self.draw_small, self.draw_part):
            he_normal(decoder.layers, _GATED_GAIN)
        if settings.spectral_norm:
            spectral_norm_everywhere(self)

    def features(self, images: Tensor) -> Tensor:
        """See `PooledDiscriminator.features`."""
        return _pooled(self._maps(images))

    def judge(self, images: Tensor, labels: Tensor | None = None, *, real: bool) -> Judgement:
        """See `Discriminator.judge`."""
        maps = self._maps(images)
        logits, own = self.judged(_pooled(maps), labels)
        return Judgement(logits, {**own, "reconstruction": self._reconstruction(images, maps)} if real else own)

    def layers(self) -> list[nn.Module]:
        """See `Discriminator.layers`: the blocks, with the small copy's that see as much of it; what draws again learns
        on."""
        first, *others = self.blocks
        pairs = [nn.ModuleList(pair) for pair in zip(others, self.small_blocks, strict=True)]
        pairs[0].append(self.small_pixels)
        return [nn.ModuleList([self.pixels, first]), *pairs, self.last]

    def _maps(self, images: Tensor) -> _Maps:
        x, before = self.pixels(images), images
        for block in self.blocks:
            x, before = block(x), x
        small = self.small_pixels(F.avg_pool2d(images, 2))
        for block in self.small_blocks:
            small = block(small)
        return _Maps(self.last(x), before, small)

    def _reconstruction(self, images: Tensor, maps: _Maps) -> Tensor:
        """Mean |drawn − seen| of the image, of the image from its small copy, and of a random quadrant (§3.2)."""
        lower, right = (
            torch.rand(len(images), 1, 1, 1, generator=seeding.current(), device=images.device) < 0.5 for _ in range(2)
        )
        part = self.draw_part(_quadrant(maps.middle, lower, right))
        drawn = (self.draw_whole(maps.whole), self.draw_small(maps.small), part)
        seen = (images, images, _quadrant(images, lower, right))
        losses = [(draft - _reduced(original, draft)).abs().mean() for draft, original in zip(drawn, seen, strict=True)]
        return self.reconstruction_weight * torch.stack(losses).sum()


class _UpBlock(nn.Module):
    """×2, 3×3, batch norm, gated; a ``rich`` one has a second such convolution, and noise in both."""

    def __init__(self, before: int, after: int, *, rich: bool, noise: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for width in [before, after][: 2 if rich else 1]:
            conv = nn.Conv2d(width, 2 * after, 3, padding=1, bias=False)  # the norm brings the bias
            self.layers.append(nn.Sequential(conv, *([Noise()] if rich and noise else []), BatchNorm(2 * after)))

    def forward(self, x: Tensor) -> Tensor:
        """N×before×H×W → N×after×2H×2W."""
        x = F.interpolate(x, scale_factor=2, mode="nearest")
        for layer in self.layers:
            x = _gated(layer(x))
        return x


class _Excitation(nn.Module):
    """What a small map makes of each channel of a large one: mean to the base, convolution, swish, 1×1, sigmoid."""

    def __init__(self, before: int, after: int, grid: Grid, level: int) -> None:
        super().__init__()
        self.factor = 1 << level
        self.conv = nn.Conv2d(before, after, (grid.height, grid.width), bias=False)
        self.gate = nn.Conv2d(after, after, 1, bias=False)

    def forward(self, small: Tensor) -> Tensor:
        """N×before×h×w → N×after×1×1, in (0, 1)."""
        pooled = F.avg_pool2d(small, self.factor) if self.factor > 1 else small
        gate: Tensor = self.gate(F.silu(self.conv(pooled)))
        return gate.sigmoid()


class _DownBlock(nn.Module):
    """The mean of two ways to half the sides: 4×4 of stride 2, 3×3; and the mean of 2×2, 1×1."""

    def __init__(self, before: int, after: int, *, norm: bool) -> None:
        super().__init__()
        self.main = nn.Sequential(_layer(before, after, 4, stride=2, norm=norm), _layer(after, after, 3, norm=norm))
        self.direct = _layer(before, after, 1, norm=norm)

    def forward(self, x: Tensor) -> Tensor:
        """N×before×H×W → N×after×H/2×W/2."""
        mean: Tensor = 0.5 * (self.main(x) + self.direct(F.avg_pool2d(x, 2)))
        return mean


class _Decoder(nn.Module):
    """(×2, 3×3, gated) so many times, channels halving → 3×3 → pixels, tanh."""

    def __init__(self, before: int, channels: int, doublings: int, *, norm: bool) -> None:
        super().__init__()
        widths = [max(1, before >> level) for level in range(doublings + 1)]
        self.layers = nn.ModuleList(_conv(a, 2 * b, 3, norm=norm) for a, b in pairwise(widths))
        self.image = nn.Conv2d(widths[-1], channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """N×before×h×w → N×channels×H×W in [-1, 1]."""
        for layer in self.layers:
            x = _gated(layer(F.interpolate(x, scale_factor=2, mode="nearest")))
        return full_precision(self.image(x)).tanh()


def _conv(before: int, after: int, kernel: int, *, stride: int = 1, norm: bool) -> nn.Sequential:
    """A convolution, and batch norm (which brings the bias) or none."""
    conv = nn.Conv2d(before, after, kernel, stride, padding=(kernel - 1) // 2, bias=not norm)
    return nn.Sequential(conv, BatchNorm(after)) if norm else nn.Sequential(conv)


def _layer(before: int, after: int, kernel: int, *, stride: int = 1, norm: bool) -> nn.Sequential:
    """The same, and LeakyReLU(0.2)."""
    return nn.Sequential(*_conv(before, after, kernel, stride=stride, norm=norm), nn.LeakyReLU(_SLOPE))


def _widths(settings: FastGAN, multiples: tuple[float, ...], doublings: int) -> list[int]:
    return [max(1, int(settings.width * multiple)) for multiple in multiples[: doublings + 1]]


def _gated(x: Tensor) -> Tensor:
    """N×2C×H×W → N×C×H×W: the one half lets the other pass (GLU; Dauphin 2017)."""
    values, gates = x.chunk(2, dim=1)
    return values * gates.sigmoid()


def _pooled(maps: _Maps) -> Tensor:
    return torch.cat([maps.whole.mean(dim=(2, 3)), maps.small.mean(dim=(2, 3))], dim=1)


def _quadrant(x: Tensor, lower: Tensor, right: Tensor) -> Tensor:
    """N×C×H×W → N×C×H/2×W/2, each image's own quarter; ``lower`` and ``right`` are N×1×1×1."""
    height, width = x.shape[2] // 2, x.shape[3] // 2
    x = torch.where(lower, x[:, :, height:], x[:, :, :height])
    return torch.where(right, x[:, :, :, width:], x[:, :, :, :width])


def _reduced(images: Tensor, like: Tensor) -> Tensor:
    """The means of the squares of pixels that each pixel of ``like`` stands for."""
    factor = images.shape[2] // like.shape[2]
    return F.avg_pool2d(images, factor) if factor > 1 else images
