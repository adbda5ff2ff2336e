"""The dense GAN: linear layers and LeakyReLU, as most people meet GANs first (after Goodfellow 2014)."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar, Literal

import torch.nn.functional as F
from pydantic import Field, NonNegativeFloat, PositiveInt
from torch import Tensor, nn

from gantool.images import ImageShape
from gantool.models.base import Discriminator, Generator, ModelSettings
from gantool.nn.conditioning import ClassProjection, LatentWithClass
from gantool.nn.initialisation import glorot_uniform
from gantool.nn.precision import full_precision, head_of
from gantool.nn.spectral import spectral_norm_everywhere


class MLP(ModelSettings):
    """``name: mlp``. The defaults are 100 → 128 → 256 → 512 → 1024 → image, and the mirror image of it."""

    channels_last: ClassVar[bool] = False

    name: Literal["mlp"] = "mlp"
    hidden: tuple[PositiveInt, ...] = Field(default=(128, 256, 512, 1024), min_length=1, max_length=100)
    """Widths of the generator's hidden layers; the discriminator has the same, in reverse."""
    slope: NonNegativeFloat = 0.2
    """Of the LeakyReLU for negative inputs."""
    spectral_norm: bool = False
    """Normalise the discriminator's weights."""

    def build_generator(self, shape: ImageShape, classes: int) -> Generator:
        """See `ModelSettings.build_generator`."""
        self.check(shape)
        return MLPGenerator(self, shape, self.conditioned_classes(classes))

    def build_discriminator(self, shape: ImageShape, classes: int) -> Discriminator:
        """See `ModelSettings.build_discriminator`."""
        self.check(shape)
        return MLPDiscriminator(self, shape, self.conditioned_classes(classes))


class MLPGenerator(Generator):
    """latent → hidden layers, LeakyReLU after each → image, tanh."""

    def __init__(self, settings: MLP, shape: ImageShape, classes: int) -> None:
        super().__init__(settings.latent_dim, shape, classes)
        self.slope = settings.slope
        self.entry = LatentWithClass(settings.latent_dim, classes, settings.class_embedding_dim)
        self.hidden = _linear_layers(self.entry.width, *settings.hidden)
        self.image = nn.Linear(settings.hidden[-1], shape.channels * shape.height * shape.width)
        # torch's own default shrinks a signal threefold a layer: five layers deep, all latents look alike.
        glorot_uniform(self)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """See `Generator.forward`."""
        x = self.entry(latent, labels)
        for layer in self.hidden:
            x = F.leaky_relu(layer(x), self.slope)
        pixels = full_precision(self.image(x))
        return pixels.tanh().view(-1, *self.shape)

    def steering(self) -> Tensor:
        """See `Generator.steering`."""
        first = self.hidden[0]
        assert isinstance(first, nn.Linear)  # noqa: S101 - for the type checker
        return first.weight[:, : self.latent_dim]

    def early(self) -> nn.Module:
        """See `Generator.early`."""
        return self.hidden[1] if len(self.hidden) > 1 else self.image


class MLPDiscriminator(Discriminator):
    """image → hidden layers, LeakyReLU after each → a logit, plus the projection of the last features."""

    def __init__(self, settings: MLP, shape: ImageShape, classes: int) -> None:
        super().__init__(shape, classes)
        self.slope = settings.slope
        widths = settings.hidden[::-1]
        self.hidden = _linear_layers(shape.channels * shape.height * shape.width, *widths)
        self.head = nn.Linear(widths[-1], 1)
        self.projection = ClassProjection(widths[-1], classes) if classes else None
        glorot_uniform(self)
        if settings.spectral_norm:
            spectral_norm_everywhere(self)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """See `Discriminator.forward`."""
        x = images.flatten(1)
        for layer in self.hidden:
            x = F.leaky_relu(layer(x), self.slope)
        logits = head_of(self.head, x).squeeze(1)
        return logits if self.projection is None else logits + self.projection(x, labels)

    def layers(self) -> list[nn.Module]:
        """See `Discriminator.layers`."""
        return list(self.hidden)


def _linear_layers(*widths: int) -> nn.ModuleList:
    return nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(widths))
