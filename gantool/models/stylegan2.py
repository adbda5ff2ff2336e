"""StyleGAN2 (Karras 2020), in plain torch: a mapping network, styles for each layer, noise, a skip generator.

Its other parts are elsewhere: path length regularisation and r1 are penalties, adaptive augmentation is `ada`. For
CIFAR-10 the paper of the latter takes ``{width: 512, mapping_layers: 2, style_mixing: 0, minibatch_group: 32,
residual: false}``.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from gantool import seeding
from gantool.images import ImageShape
from gantool.models.base import Generator
from gantool.models.pooled import PooledDiscriminator, PooledSettings
from gantool.nn.conditioning import class_vectors
from gantool.nn.equalised import EqualConv2d, EqualLinear, forget_scales
from gantool.nn.layout import as_laid_out
from gantool.nn.minibatch_std import minibatch_std
from gantool.nn.modulated import ModulatedConv2d, StyledLayer
from gantool.nn.precision import full_precision
from gantool.nn.resampling import blur, double, halve
from gantool.nn.resolution import Grid
from gantool.nn.spectral import spectral_norm_everywhere

_SLOPE = 0.2
_MAPPING_RATE = 0.01
_MEAN_STYLE_WEIGHT = 0.002
"""Of a new batch in the running mean of the styles."""


class StyleGAN2(PooledSettings):
    """``name: stylegan2``. Level ℓ has maps of base·2^ℓ pixels; all but the lowest have two layers."""

    name: Literal["stylegan2"] = "stylegan2"
    latent_dim: int = Field(default=512, ge=1, le=4096)
    class_embedding_dim: int = Field(default=512, ge=1, le=4096)
    style_dim: PositiveInt = 512
    """Length of a style, and width of the mapping network."""
    mapping_layers: int = Field(default=8, ge=1, le=100)
    """Layers of the mapping network."""
    width: PositiveInt = 64
    """Channels at full resolution, in either network; they double where the sides halve."""
    max_width: PositiveInt = 512
    """No layer has more channels."""
    noise: bool = True
    """Add noise to every layer of the generator."""
    style_mixing: Annotated[float, Field(ge=0, le=1)] = 0.9
    """Probability that a training image takes the styles of two latents, one up to a random layer, one from there."""
    minibatch_group: PositiveInt = 4
    """The discriminator sees how much so many images differ; 1 for no such layer."""
    residual: bool = True
    """Residual blocks in the discriminator."""

    def build_generator(self, shape: ImageShape, classes: int) -> Generator:
        """See `ModelSettings.build_generator`."""
        return StyleGAN2Generator(self, shape, self.conditioned_classes(classes))

    def build_discriminator(self, shape: ImageShape, classes: int) -> PooledDiscriminator:
        """See `ModelSettings.build_discriminator`."""
        return StyleGAN2Discriminator(self, shape, self.conditioned_classes(classes))

    def widths(self, grid: Grid) -> list[int]:
        """Channels from the base up."""
        return [min(self.width << level, self.max_width) for level in range(grid.doublings, -1, -1)]


class StyleGAN2Generator(Generator):
    """latent → mapping → a style a layer; a learned base map → layers, the image summed up from every level.

    Attributes:
        truncation: ψ: in eval mode styles are drawn together towards their mean, w̄ + ψ·(w − w̄); 1 leaves them.
    """

    bounded = False  # a sum of levels, without a tanh

    mean_style: Tensor

    def __init__(self, settings: StyleGAN2, shape: ImageShape, classes: int) -> None:
        super().__init__(settings.latent_dim, shape, classes)
        grid = Grid.of(shape)
        widths = settings.widths(grid)
        style_dim, noise = settings.style_dim, settings.noise
        self.truncation = 1.0
        self.style_mixing = settings.style_mixing
        self.layers = 2 * grid.doublings + 2  # the last one's style is for the last colours alone
        self.mapping = _Mapping(settings, classes)
        self.register_buffer("mean_style", torch.zeros(style_dim))
        self.base = nn.Parameter(torch.randn(widths[0], grid.height, grid.width))
        self.first = StyledLayer(widths[0], widths[0], style_dim, noise=noise)
        self.doubling = nn.ModuleList(
            StyledLayer(before, after, style_dim, doubles=True, noise=noise) for before, after in pairwise(widths)
        )
        self.keeping = nn.ModuleList(StyledLayer(width, width, style_dim, noise=noise) for width in widths[1:])
        self.colours = nn.ModuleList(_Colours(width, shape.channels, style_dim) for width in widths)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """See `Generator.forward`."""
        return self.draw(self.styles(latent, labels), labels)

    def styles(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Latents N×latent_dim → N×layers×style_dim: mixed while training, drawn together by ψ otherwise."""
        style = self.mapping(latent, labels)
        if self.training:
            with torch.no_grad():
                self.mean_style.lerp_(style.mean(dim=0), _MEAN_STYLE_WEIGHT)
        elif self.truncation != 1:
            style = self.mean_style + self.truncation * (style - self.mean_style)
        styles = style[:, None].expand(-1, self.layers, -1)
        return self._mixed(styles, labels) if self.training and self.style_mixing else styles

    def draw(self, styles: Tensor, labels: Tensor | None = None) -> Tensor:
        """Styles N×layers×style_dim → N×C×H×W."""
        style = styles.unbind(dim=1)
        x = as_laid_out(self.base.expand(len(styles), -1, -1, -1), self.first.conv.weight)
        x = self.first(x, style[0])
        image = self.colours[0](x, style[1])
        levels = zip(self.doubling, self.keeping, self.colours[1:], strict=True)
        for level, (doubling, keeping, colours) in enumerate(levels, start=1):
            x = keeping(doubling(x, style[2 * level - 1]), style[2 * level])
            image = double(image, taps=4) + colours(x, style[2 * level + 1])
        return full_precision(image)

    def steering(self) -> Tensor:
        """See `Generator.steering`: the affine maps of all layers, which take the same style in."""
        modulated = (layer for layer in self.modules() if isinstance(layer, ModulatedConv2d))
        return torch.cat([layer.affine.weight * layer.affine.scale for layer in modulated])

    def early(self) -> nn.Module:
        """See `Generator.early`."""
        return self.mapping

    def _mixed(self, styles: Tensor, labels: Tensor | None) -> Tensor:
        """From a random layer on, the styles of other latents (Karras 2019, StyleGAN, §3.1)."""
        source, count, device = seeding.current(), len(styles), styles.device
        other = torch.randn(count, self.latent_dim, generator=source, device=device, dtype=styles.dtype)
        mixes = torch.rand(count, 1, generator=source, device=device) < self.style_mixing
        cut = torch.randint(1, self.layers, (count, 1), generator=source, device=device)
        kept = ~mixes | (torch.arange(self.layers, device=device) < cut)  # N × layers
        return torch.where(kept[:, :, None], styles, self.mapping(other, labels)[:, None])


class StyleGAN2Discriminator(PooledDiscriminator):
    """1×1 → (3×3, blurred 3×3 of stride 2) for each halving → minibatch std → 3×3 → dense → heads."""

    numbered_from_image = (("blocks", 1),)

    def __init__(self, settings: StyleGAN2, shape: ImageShape, classes: int) -> None:
        grid = Grid.of(shape)
        widths = settings.widths(grid)[::-1]
        last = widths[-1]
        super().__init__(settings, shape, classes, features=last, equalised=True)
        self.pixels = EqualConv2d(shape.channels, widths[0], 1)
        self.blocks = nn.ModuleList(
            _HalvingBlock(before, after, residual=settings.residual) for before, after in pairwise(widths)
        )
        self.spread, appended = minibatch_std(settings.minibatch_group)
        self.conv = EqualConv2d(last + appended, last, 3)
        self.dense = EqualLinear(last * grid.height * grid.width, last)
        if settings.spectral_norm:
            spectral_norm_everywhere(self)
            forget_scales(self)

    def features(self, images: Tensor) -> Tensor:
        """See `PooledDiscriminator.features`."""
        x = _activated(self.pixels(images))
        for block in self.blocks:
            x = block(x)
        x = _activated(self.conv(self.spread(x)))
        # In this order the flattening of a channels-last map is a view.
        return _activated(self.dense(x.permute(0, 2, 3, 1).flatten(1)))

    def layers(self) -> list[nn.Module]:
        """See `Discriminator.layers`: the blocks, the first with the pixels', and the two layers of the base map."""
        first, *others = self.blocks
        return [nn.ModuleList([self.pixels, first]), *others, self.conv, self.dense]


class _Mapping(nn.Module):
    """latent (and class) → style: dense layers with a hundredth of the learning rate, in float32."""

    def __init__(self, settings: StyleGAN2, classes: int) -> None:
        super().__init__()
        embedded = settings.class_embedding_dim if classes else 0
        self.embedding = nn.Embedding(classes, embedded) if classes else None
        widths = [settings.latent_dim + embedded] + [settings.style_dim] * settings.mapping_layers
        self.dense = nn.ModuleList(EqualLinear(*pair, rate=_MAPPING_RATE) for pair in pairwise(widths))

    def forward(self, latent: Tensor, labels: Tensor | None) -> Tensor:
        """N×latent_dim and labels → N×style_dim."""
        with torch.autocast(latent.device.type, enabled=False):
            x = _unit_variance(latent)
            if self.embedding is not None:
                x = torch.cat([x, _unit_variance(class_vectors(self.embedding, labels))], dim=1)
            for layer in self.dense:
                x = _activated(layer(x))
            return x


class _Colours(nn.Module):
    """A steered 1×1 convolution to pixels."""

    def __init__(self, before: int, channels: int, style_dim: int) -> None:
        super().__init__()
        self.conv = ModulatedConv2d(before, channels, 1, style_dim, demodulates=False)
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """N×before×H×W and styles N×style_dim → N×channels×H×W."""
        pixels: Tensor = self.conv(x, style)
        return pixels + self.bias[:, None, None].to(pixels.dtype)


class _HalvingBlock(nn.Module):
    """3×3, 3×3 of stride 2 behind a blur of [1, 3, 3, 1]; beside it, where it is residual, halving and 1×1."""

    def __init__(self, before: int, after: int, *, residual: bool) -> None:
        super().__init__()
        self.conv_1 = EqualConv2d(before, before, 3)
        self.conv_2 = EqualConv2d(before, after, 3, stride=2, padding=0)
        self.shortcut = EqualConv2d(before, after, 1, bias=False) if residual else None

    def forward(self, x: Tensor) -> Tensor:
        """N×before×H×W → N×after×H/2×W/2."""
        y = _activated(self.conv_2(blur(_activated(self.conv_1(x)), 4, (2, 2))))
        # Two maps of unit variance have one of 2 together.
        return y if self.shortcut is None else (y + self.shortcut(halve(x, taps=4))) * math.sqrt(0.5)


def _activated(x: Tensor) -> Tensor:
    """LeakyReLU(0.2)·√2, which keeps the variance."""
    return F.leaky_relu(x, _SLOPE) * math.sqrt(2)


def _unit_variance(x: Tensor) -> Tensor:
    return x * torch.rsqrt(x.square().mean(dim=1, keepdim=True) + 1e-8)
