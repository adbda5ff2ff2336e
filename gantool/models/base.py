"""What every architecture offers: two networks and the settings that build them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from gantool.component import Settings
from gantool.errors import ConfigError
from gantool.images import ImageShape
from gantool.nn.resolution import Grid


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

    def __init__(self, latent_dim: int, shape: ImageShape, classes: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.shape = shape
        self.classes = classes

    @abstractmethod
    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Latents N×latent_dim (standard normal) and labels N (int64) → N×C×H×W in [-1, 1], float32.

        An unconditional generator ignores labels.

        Raises:
            ValueError: from a conditional one that is called without labels.
        """


class Discriminator(nn.Module, ABC):
    """Images to logits: positive means "real".

    Attributes:
        shape: channels, height and width of what it looks at.
        classes: number of classes it is conditioned on; 0 means unconditional.
    """

    shape: ImageShape
    classes: int

    def __init__(self, shape: ImageShape, classes: int) -> None:
        super().__init__()
        self.shape = shape
        self.classes = classes

    @abstractmethod
    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images N×C×H×W in [-1, 1] and labels N (int64) → N logits, float32; twice differentiable.

        An unconditional discriminator ignores labels.

        Raises:
            ValueError: from a conditional one that is called without labels.
        """


class ModelSettings(Settings):
    """Settings that all architectures share."""

    channels_last: ClassVar[bool] = True
    """Whether the networks' convolutions run faster in channels-last memory."""

    latent_dim: int = Field(default=100, ge=1, le=4096)
    conditioning: Literal["none", "class"] = "none"
    class_embedding_dim: int = Field(default=32, ge=1, le=4096)
    """Length of the class vector beside the latent, with ``conditioning: class``."""

    def check(self, shape: ImageShape) -> None:
        """Raise ConfigError, naming ``data.resolution``, when this architecture cannot draw ``shape``."""
        Grid.of(shape)

    def conditioned_classes(self, classes: int) -> int:
        """The number of classes that the networks see, of the ``classes`` that the data has.

        Raises:
            ConfigError: for ``conditioning: class`` on data without classes.
        """
        if self.conditioning == "none":
            return 0
        if classes < 1:
            raise ConfigError(
                "model.conditioning: class needs data with labels, and this data has none; "
                "give the data labels, or set model.conditioning to none"
            )
        return classes

    @abstractmethod
    def build_generator(self, shape: ImageShape, classes: int) -> Generator:
        """A generator with fresh weights; ``classes`` are used where conditioning is ``class`` only."""

    @abstractmethod
    def build_discriminator(self, shape: ImageShape, classes: int) -> Discriminator:
        """A discriminator with fresh weights; ``classes`` are used where conditioning is ``class`` only."""
