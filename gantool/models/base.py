"""What every architecture offers: two networks and the settings that build them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal, NamedTuple

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

    bounded: ClassVar[bool] = True
    """Whether no pixel can leave [-1, 1]."""

    layers: int = 0
    """How many styles a picture is drawn from, one a layer; 0 where it is drawn from the latent itself."""

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
        """Latents N×latent_dim (standard normal) and labels → N×C×H×W, float32.

        Pixels lie in [-1, 1], or about there where the architecture's paper ends without a tanh (`bounded`).
        Labels are N numbers (int64), or N×classes weights (`gantool.nn.conditioning`). An unconditional generator
        ignores them.

        Raises:
            ValueError: from a conditional one that is called without labels.
        """

    def styles(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """What the pictures are drawn from: the latents themselves, or N×layers×… where a network maps them first."""
        return latent

    def draw(self, styles: Tensor, labels: Tensor | None = None) -> Tensor:
        """`styles` → images: the other half of `forward`."""
        images: Tensor = self(styles, labels)
        return images

    @abstractmethod
    def steering(self) -> Tensor:
        """The weights that take a latent in (or, where there are `layers`, a style), one row an output: rows×length.

        Of the first layer; of all of them where later ones take it in too. Its closed form says which directions move
        the picture most (`gantool.latent.directions`).
        """

    @abstractmethod
    def early(self) -> nn.Module:
        """The first module whose output is no linear function of the latent: what GANSpace analyses."""


class Judgement(NamedTuple):
    """What a discriminator says of a batch.

    Attributes:
        logits: N, float32.
        own: scalar losses of its own, weighted, by name: beside the adversarial one.
    """

    logits: Tensor
    own: dict[str, Tensor]


class Discriminator(nn.Module, ABC):
    """Images to logits: positive means "real".

    Attributes:
        shape: channels, height and width of what it looks at.
        classes: number of classes it is conditioned on; 0 means unconditional.
        losses_of_reals: names of the losses of its own that it has of real images, which train it.
        losses_of_fakes: names of those that it has of generated images, which train the generator.
    """

    numbered_from_image: tuple[tuple[str, int], ...] = ()
    """Module lists whose numbers begin at the image, and how many of each there are a halving of the sides: on pictures
    of other sides the same map is found under other numbers."""

    losses_of_reals: tuple[str, ...] = ()
    losses_of_fakes: tuple[str, ...] = ()

    shape: ImageShape
    classes: int

    def __init__(self, shape: ImageShape, classes: int) -> None:
        super().__init__()
        self.shape = shape
        self.classes = classes

    @abstractmethod
    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images N×C×H×W in [-1, 1] and labels (as `Generator.forward`) → N logits, float32; twice differentiable.

        An unconditional discriminator ignores labels.

        Raises:
            ValueError: from a conditional one that is called without labels.
        """

    @abstractmethod
    def layers(self) -> list[nn.Module]:
        """What lies between the image and the heads, from the image on: what fine-tuning may freeze.

        Each holds all modules of one step; they may be gathered for the occasion (``nn.ModuleList``).
        """

    def judge(self, images: Tensor, labels: Tensor | None = None, *, real: bool) -> Judgement:
        """`forward`, and the losses that `losses_of_reals` or `losses_of_fakes` names, in one pass.

        Args:
            images: N×C×H×W.
            labels: their labels.
            real: whether they are, and train the discriminator; else they train the generator.
        """
        return Judgement(self(images, labels), {})


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
