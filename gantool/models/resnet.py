"""The residual GANs, one family: SNGAN (Miyato 2018), SAGAN (Zhang 2019) and BigGAN (Brock 2019).

The defaults are SNGAN's networks for CIFAR-10. What the others add is a setting each:

    SAGAN    generator_spectral_norm, attention, widest: 16, kept_doublings: 0, plain_blocks: 1
    BigGAN   the same with hierarchical_latent, and class_embedding_dim: 128
    BigGAN for 32×32: generator_width and discriminator_width 256, hierarchical_latent, spectral norm in both

Batch norm follows the class (and the latent's chunk) where there is one. What is left out: orthogonal
regularisation, and the truncated latents of BigGAN's samples.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, NonNegativeInt, PositiveInt, model_validator
from torch import Tensor, nn

from gantool.images import ImageShape
from gantool.models.base import Generator
from gantool.models.pooled import PooledDiscriminator, PooledSettings
from gantool.nn.attention import SelfAttention
from gantool.nn.conditioning import ConditionalBatchNorm, class_vectors
from gantool.nn.initialisation import glorot_uniform
from gantool.nn.normalisation import BatchNorm
from gantool.nn.precision import full_precision
from gantool.nn.resolution import MOST_DOUBLINGS, Grid
from gantool.nn.spectral import spectral_norm_everywhere


class ResNet(PooledSettings):
    """``name: resnet``. A side of base·2^k pixels takes k residual blocks in the generator."""

    name: Literal["resnet"] = "resnet"
    latent_dim: int = Field(default=128, ge=1, le=4096)
    generator_width: PositiveInt = 256
    """Channels of the generator's map at full resolution."""
    discriminator_width: PositiveInt = 128
    """Channels of the discriminator's first block."""
    widest: PositiveInt = 1
    """Widths double where the sides halve, up to so many times the first: 1 for one width throughout, BigGAN has 16."""
    kept_doublings: NonNegativeInt = 1
    """The discriminator's last map is so many doublings above the base: 1 leaves 8×8 of 32×32, 0 leaves 4×4."""
    plain_blocks: int = Field(default=2, ge=0, le=100)
    """Blocks of the discriminator on its last map."""
    attention: PositiveInt | None = None
    """Attend where the map is so many doublings above the base, or as near to it as the network goes; null for
    nowhere."""
    hierarchical_latent: bool = False
    """Cut the latent into pieces: one enters at the base, one moves the batch norms of each block."""
    spectral_norm: bool = True
    """Normalise the discriminator's weights."""
    generator_spectral_norm: bool = False
    """Normalise the generator's weights."""

    @model_validator(mode="after")
    def _latent_can_be_cut(self) -> ResNet:
        if self.hierarchical_latent and self.latent_dim <= MOST_DOUBLINGS:
            raise ValueError(
                f"hierarchical_latent cuts latent_dim {self.latent_dim}; give it {MOST_DOUBLINGS + 1} or more"
            )
        return self

    def build_generator(self, shape: ImageShape, classes: int) -> Generator:
        """See `ModelSettings.build_generator`."""
        return ResNetGenerator(self, shape, self.conditioned_classes(classes))

    def build_discriminator(self, shape: ImageShape, classes: int) -> ResNetDiscriminator:
        """See `ModelSettings.build_discriminator`."""
        return ResNetDiscriminator(self, shape, self.conditioned_classes(classes))


class ResNetGenerator(Generator):
    """latent → dense → k blocks that double the sides → batch norm, ReLU, 3×3 → image, tanh."""

    def __init__(self, settings: ResNet, shape: ImageShape, classes: int) -> None:
        super().__init__(settings.latent_dim, shape, classes)
        self.grid = Grid.of(shape)
        k = self.grid.doublings
        widths = [settings.generator_width * min(1 << level, settings.widest) for level in range(k, -1, -1)]
        # BigGAN, figure 15: the first piece of the latent enters at the base, each other one a block.
        pieces = k + 1 if settings.hierarchical_latent else 1
        self.pieces = _shares(settings.latent_dim, pieces)
        piece = self.pieces[1:] if pieces > 1 else [0] * k
        self.embedding = nn.Embedding(classes, settings.class_embedding_dim) if classes else None
        embedded = settings.class_embedding_dim if classes else 0

        self.dense = nn.Linear(self.pieces[0], self.grid.height * self.grid.width * widths[0])
        self.blocks = nn.ModuleList(
            _UpBlock(widths[level], widths[level + 1], embedded + piece[level]) for level in range(k)
        )
        self.attention_after, self.attention = _attention(settings, widths, range(1, k + 1))
        self.last_norm = BatchNorm(widths[-1])
        self.image = nn.Conv2d(widths[-1], shape.channels, 3, padding=1)
        glorot_uniform(self)
        if settings.generator_spectral_norm:
            spectral_norm_everywhere(self, embeddings=False)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """See `Generator.forward`."""
        first, *pieces = torch.split(latent, self.pieces, dim=1)
        shared = None if self.embedding is None else class_vectors(self.embedding, labels)
        # The channels are the last axis of what `dense` returns, so the map is channels-last without a copy.
        x = self.dense(first).view(len(latent), self.grid.height, self.grid.width, -1).permute(0, 3, 1, 2)
        for level, block in enumerate(self.blocks):
            condition = [c for c in (shared, *pieces[level : level + 1]) if c is not None]
            x = block(x, _joined(condition))
            if self.attention is not None and level + 1 == self.attention_after:
                x = self.attention(x)
        pixels = full_precision(self.image(F.relu(self.last_norm(x))))
        return pixels.tanh()

    def steering(self) -> Tensor:
        """See `Generator.steering`. Each piece of a hierarchical latent has the weights of its own block."""
        weights = [self.dense.weight]
        for block, piece in zip(self.blocks, self.pieces[1:], strict=False):
            assert isinstance(block, _UpBlock)  # noqa: S101 - for the type checker
            # The piece of the latent stands behind the class.
            weights.append(torch.cat([layer.weight[:, -piece:] for layer in block.conditioned()]))
        steering: Tensor = torch.block_diag(*weights)  # type: ignore[no-untyped-call]
        return steering

    def early(self) -> nn.Module:
        """See `Generator.early`."""
        return self.blocks[0]


class ResNetDiscriminator(PooledDiscriminator):
    """image → blocks that halve the sides → blocks that do not → ReLU, the sum over all places → heads."""

    numbered_from_image = (("blocks", 1),)

    def __init__(self, settings: ResNet, shape: ImageShape, classes: int) -> None:
        k = Grid.of(shape).doublings
        kept = min(settings.kept_doublings, k - 1)  # at least one block halves
        blocks = k - kept + settings.plain_blocks
        widths = [settings.discriminator_width * min(1 << block, settings.widest) for block in range(blocks)]
        super().__init__(settings, shape, classes, features=widths[-1])
        self.first = _FirstBlock(shape.channels, widths[0])
        self.blocks = nn.ModuleList(
            _DownBlock(widths[block - 1], widths[block], halves=block < k - kept) for block in range(1, blocks)
        )
        # After block b the map is k − 1 − b doublings above the base.
        levels = range(k - 1, kept - 1, -1)
        at_level = {level: widths[k - 1 - level] for level in levels}
        self.attention_at, self.attention = _attention(settings, at_level, levels)
        self.attention_after = k - 1 - self.attention_at
        glorot_uniform(self)
        if settings.spectral_norm:
            spectral_norm_everywhere(self)

    def features(self, images: Tensor) -> Tensor:
        """See `PooledDiscriminator.features`."""
        x = images
        for number, block in enumerate([self.first, *self.blocks]):
            x = block(x)
            if self.attention is not None and number == self.attention_after:
                x = self.attention(x)
        return F.relu(x).sum(dim=(2, 3))

    def layers(self) -> list[nn.Module]:
        """See `Discriminator.layers`: attention goes with the block before it."""
        blocks: list[nn.Module] = [self.first, *self.blocks]
        if self.attention is not None:
            blocks[self.attention_after] = nn.ModuleList([blocks[self.attention_after], self.attention])
        return blocks


class _UpBlock(nn.Module):
    """norm, ReLU, ×2, 3×3, norm, ReLU, 3×3; beside it ×2, 1×1."""

    def __init__(self, before: int, after: int, condition: int) -> None:
        super().__init__()
        self.norm_1 = ConditionalBatchNorm(before, condition)
        self.conv_1 = nn.Conv2d(before, after, 3, padding=1)
        self.norm_2 = ConditionalBatchNorm(after, condition)
        self.conv_2 = nn.Conv2d(after, after, 3, padding=1)
        self.shortcut = nn.Conv2d(before, after, 1)

    def conditioned(self) -> list[nn.Linear]:
        """The layers that take the condition in; none without one."""
        found = (self.norm_1.gain, self.norm_1.shift, self.norm_2.gain, self.norm_2.shift)
        return [layer for layer in found if layer is not None]

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """N×C×H×W → N×C'×2H×2W."""
        y = self.conv_1(_doubled(F.relu(self.norm_1(x, condition))))
        y = self.conv_2(F.relu(self.norm_2(y, condition)))
        mixed: Tensor = y + _doubled(self.shortcut(x))  # a 1×1 convolution and the copying of pixels commute
        return mixed


class _FirstBlock(nn.Module):
    """3×3, ReLU, 3×3, mean of 2×2; beside it mean of 2×2, 1×1: pixels are not rectified."""

    def __init__(self, channels: int, after: int) -> None:
        super().__init__()
        self.conv_1 = nn.Conv2d(channels, after, 3, padding=1)
        self.conv_2 = nn.Conv2d(after, after, 3, padding=1)
        self.shortcut = nn.Conv2d(channels, after, 1)

    def forward(self, x: Tensor) -> Tensor:
        """N×C×H×W → N×C'×H/2×W/2."""
        y = F.avg_pool2d(self.conv_2(F.relu(self.conv_1(x))), 2)
        mixed: Tensor = y + self.shortcut(F.avg_pool2d(x, 2))
        return mixed


class _DownBlock(nn.Module):
    """ReLU, 3×3, ReLU, 3×3; beside it 1×1 where anything changes; the mean of 2×2 where the block ``halves``."""

    def __init__(self, before: int, after: int, *, halves: bool) -> None:
        super().__init__()
        self.halves = halves
        self.conv_1 = nn.Conv2d(before, after, 3, padding=1)
        self.conv_2 = nn.Conv2d(after, after, 3, padding=1)
        self.shortcut = nn.Conv2d(before, after, 1) if halves or before != after else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """N×C×H×W → N×C'×H×W, or half the sides."""
        y = self.conv_2(F.relu(self.conv_1(F.relu(x))))
        mixed: Tensor = y + self.shortcut(x)
        return F.avg_pool2d(mixed, 2) if self.halves else mixed


def _attention(settings: ResNet, widths: list[int] | dict[int, int], levels: range) -> tuple[int, SelfAttention | None]:
    """(doublings above the base where attention sits, the layer): the nearest of ``levels`` to the one asked for."""
    if settings.attention is None:
        return -1, None
    level = min(max(settings.attention, min(levels)), max(levels))
    return level, SelfAttention(widths[level])


def _shares(total: int, parts: int) -> list[int]:
    """``total`` as a sum of ``parts`` numbers that differ by one at most, the larger ones first."""
    return [total // parts + (part < total % parts) for part in range(parts)]


def _joined(vectors: list[Tensor]) -> Tensor | None:
    return torch.cat(vectors, dim=1) if vectors else None


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")
