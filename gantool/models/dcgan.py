"""The convolutional GAN: 5×5 transposed convolutions up, 5×5 strided convolutions down (after Radford 2016).

The defaults at 28×28×1 are the seed's network S1, with the defaults of the framework it was written for:
batch norm with eps 1e-3 and running averages of 0.99, Glorot-uniform weights, zero biases, LeakyReLU(0.3).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

import torch.nn.functional as F
from pydantic import Field, NonNegativeFloat, PositiveInt
from torch import Tensor, nn

from gantool.images import ImageShape
from gantool.models.base import Discriminator, Generator, ModelSettings
from gantool.nn.conditioning import ClassProjection, LatentWithClass
from gantool.nn.dropout import Dropout
from gantool.nn.edges import FromPicture, ToPicture
from gantool.nn.initialisation import glorot_uniform
from gantool.nn.normalisation import BatchNorm
from gantool.nn.precision import full_precision, head_of
from gantool.nn.resolution import Grid
from gantool.nn.spectral import spectral_norm_everywhere

_KERNEL = 5
_PADDING = 2


class DCGAN(ModelSettings):
    """``name: dcgan``. A side of base·2^k pixels takes k stride-2 layers in either network."""

    name: Literal["dcgan"] = "dcgan"
    width: PositiveInt = 64
    """Channels of the discriminator's first layer; each further layer has twice as many."""
    max_width: PositiveInt = 512
    """No layer has more channels."""
    slope: NonNegativeFloat = 0.3
    """Of the LeakyReLU for negative inputs."""
    normalisation: Literal["batch", "none"] = "batch"
    """In the generator; its layers have biases where there is none."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.3
    """Probability of dropping a feature in the discriminator."""
    spectral_norm: bool = False
    """Normalise the discriminator's weights."""

    def build_generator(self, shape: ImageShape, classes: int) -> Generator:
        """See `ModelSettings.build_generator`."""
        return DCGANGenerator(self, shape, self.conditioned_classes(classes))

    def build_discriminator(self, shape: ImageShape, classes: int) -> Discriminator:
        """See `ModelSettings.build_discriminator`."""
        return DCGANDiscriminator(self, shape, self.conditioned_classes(classes))


class DCGANGenerator(Generator):
    """latent → dense → a stride-1 and k stride-2 transposed convolutions, channels halving → image, tanh."""

    def __init__(self, settings: DCGAN, shape: ImageShape, classes: int) -> None:
        super().__init__(settings.latent_dim, shape, classes)
        self.grid = Grid.of(shape)
        k = self.grid.doublings
        # S1, k = 2: 256 → 128 at the base, → 64 → image while doubling.
        widths = [min(settings.width << level, settings.max_width) for level in range(k, -1, -1)]
        strides = [1] + [2] * (k - 1)
        features = self.grid.height * self.grid.width * widths[0]
        self.slope = settings.slope

        self.entry = LatentWithClass(settings.latent_dim, classes, settings.class_embedding_dim)
        self.dense = nn.Linear(self.entry.width, features, bias=settings.normalisation == "none")
        self.dense_norm = _norm(settings, features)
        self.convs = nn.ModuleList(
            _up(before, after, stride, bias=settings.normalisation == "none")
            for (before, after), stride in zip(pairwise(widths), strides, strict=True)
        )
        self.norms = nn.ModuleList(_norm(settings, width) for width in widths[1:])
        self.image = ToPicture(widths[-1], shape.channels, _KERNEL)
        glorot_uniform(self)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """See `Generator.forward`."""
        x = self.dense(self.entry(latent, labels))  # N × base·base·C
        x = F.leaky_relu(self.dense_norm(x), self.slope)
        # The channels are the last axis of what `dense` returns, so the map is channels-last without a copy.
        x = x.view(len(x), self.grid.height, self.grid.width, -1).permute(0, 3, 1, 2)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.leaky_relu(norm(conv(x)), self.slope)
        pixels = full_precision(self.image(x))
        return pixels.tanh()

    def steering(self) -> Tensor:
        """See `Generator.steering`."""
        weight: Tensor = self.dense.weight
        return weight[:, : self.latent_dim]

    def early(self) -> nn.Module:
        """See `Generator.early`."""
        return self.convs[0]


class DCGANDiscriminator(Discriminator):
    """image → k stride-2 convolutions, channels doubling, LeakyReLU and dropout after each → a logit."""

    numbered_from_image = (("convs", 1),)

    def __init__(self, settings: DCGAN, shape: ImageShape, classes: int) -> None:
        super().__init__(shape, classes)
        grid = Grid.of(shape)
        widths = [min(settings.width << level, settings.max_width) for level in range(grid.doublings)]
        self.slope = settings.slope

        self.convs = nn.ModuleList([FromPicture(shape.channels, widths[0], _KERNEL)])
        self.convs.extend(
            nn.Conv2d(before, after, _KERNEL, stride=2, padding=_PADDING) for before, after in pairwise(widths)
        )
        self.dropout = Dropout(settings.dropout)
        self.head = nn.Linear(grid.height * grid.width * widths[-1], 1)
        self.projection = ClassProjection(widths[-1], classes) if classes else None
        glorot_uniform(self)
        if settings.spectral_norm:
            spectral_norm_everywhere(self)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """See `Discriminator.forward`."""
        x = images
        for conv in self.convs:
            x = self.dropout(F.leaky_relu(conv(x), self.slope))  # N × C × H/2 × W/2
        # In this order the flattening of a channels-last map is a view.
        logits = head_of(self.head, x.permute(0, 2, 3, 1).flatten(1)).squeeze(1)
        return logits if self.projection is None else logits + self.projection(x.mean(dim=(2, 3)), labels)

    def layers(self) -> list[nn.Module]:
        """See `Discriminator.layers`."""
        return list(self.convs)


def _up(before: int, after: int, stride: int, *, bias: bool) -> nn.ConvTranspose2d:
    """A transposed convolution that multiplies both sides by exactly ``stride``."""
    return nn.ConvTranspose2d(
        before, after, _KERNEL, stride=stride, padding=_PADDING, output_padding=stride - 1, bias=bias
    )


def _norm(settings: DCGAN, features: int) -> nn.Module:
    if settings.normalisation == "none":
        return nn.Identity()
    # The framework counts momentum as the weight of the old average: its 0.99 is torch's 0.01.
    return BatchNorm(features, eps=1e-3, momentum=0.01)
