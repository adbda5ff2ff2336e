"""What every architecture offers: two networks and the settings that build them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from gantool.component import Settings
from gantool.images import ImageShape


class Generator(nn.Module, ABC):
    """Latents to images.

    Attributes:
        latent_dim: length of a latent vector.
        shape: channels, height and width of what it draws.
        classes: number of classes it is conditioned on; 0 means unconditional.
    """

    latent_dim: int
    shape: ImageShape
    classes: int

    @abstractmethod
    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Latents N×latent_dim (standard normal) and labels N (int64; None when unconditional) → N×C×H×W."""


class Discriminator(nn.Module, ABC):
    """Images to logits: positive means "real"."""

    shape: ImageShape
    classes: int

    @abstractmethod
    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images N×C×H×W in [-1, 1] and labels N (int64; None when unconditional) → N logits."""


class ModelSettings(Settings):
    """Settings that all architectures share."""

    channels_last: ClassVar[bool] = True
    """Whether the networks' convolutions run faster in channels-last memory."""

    latent_dim: int = Field(default=100, ge=1, le=4096)
    conditioning: Literal["none", "class"] = "none"

    def check(self, shape: ImageShape) -> None:
        """Raise ConfigError, naming ``data.resolution``, when this architecture cannot draw ``shape``."""
        raise NotImplementedError

    def build_generator(self, shape: ImageShape, classes: int) -> Generator:
        """A generator with fresh weights; ``classes`` is 0 unless conditioning is ``class``."""
        raise NotImplementedError

    def build_discriminator(self, shape: ImageShape, classes: int) -> Discriminator:
        """A discriminator with fresh weights; ``classes`` is 0 unless conditioning is ``class``."""
        raise NotImplementedError
