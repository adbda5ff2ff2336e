"""What the larger discriminators share: a vector of features per image, and heads that judge it."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

import torch.nn.functional as F
from pydantic import PositiveFloat
from torch import Tensor, nn

from gantool.images import ImageShape
from gantool.models.base import Discriminator, Judgement, ModelSettings
from gantool.nn.conditioning import ClassProjection
from gantool.nn.equalised import EqualClassProjection, EqualLinear
from gantool.nn.precision import head_of


class PooledSettings(ModelSettings):
    """Settings of architectures whose discriminator is a `PooledDiscriminator`."""

    class_head: Literal["projection", "classifier"] = "projection"
    """With ``conditioning: class``: projection adds yᵀVφ(x) to the logit (Miyato & Koyama 2018); classifier names the
    class in a loss of its own, of real images in the discriminator's step and of fakes in the generator's."""
    classifier_weight: PositiveFloat = 1.0
    """Of the classifier's loss."""
    spectral_norm: bool = False
    """Normalise the discriminator's weights."""


class PooledDiscriminator(Discriminator):
    """images → `features` N×F → a logit, and what the class has to do with it.

    Args:
        settings: of the architecture.
        shape: of the images.
        classes: 0 means unconditional.
        features: F.
        equalised: whether the heads have an equalised learning rate.
    """

    def __init__(
        self,
        settings: PooledSettings,
        shape: ImageShape,
        classes: int,
        features: int,
        *,
        equalised: bool = False,
    ) -> None:
        super().__init__(shape, classes)
        names = classes > 0 and settings.class_head == "classifier"
        self.classifier_weight = settings.classifier_weight
        linear = EqualLinear if equalised else nn.Linear
        project = EqualClassProjection if equalised else ClassProjection
        self.head = linear(features, 1)
        self.projection = project(features, classes) if classes and not names else None
        self.classifier = linear(features, classes) if names else None
        self.losses_of_reals = self.losses_of_fakes = ("classification",) if names else ()

    @abstractmethod
    def features(self, images: Tensor) -> Tensor:
        """Images N×C×H×W → N×F."""

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """See `Discriminator.forward`."""
        return self._logits(self.features(images), labels)

    def judge(self, images: Tensor, labels: Tensor | None = None, *, real: bool) -> Judgement:
        """See `Discriminator.judge`."""
        return self.judged(self.features(images), labels)

    def judged(self, features: Tensor, labels: Tensor | None) -> Judgement:
        """What the heads make of features N×F."""
        return Judgement(self._logits(features, labels), self._classification(features, labels))

    def _logits(self, features: Tensor, labels: Tensor | None) -> Tensor:
        logits = head_of(self.head, features).squeeze(1)
        if self.classes and labels is None:
            raise ValueError("this network is conditioned on classes and was called without labels")
        return logits if self.projection is None else logits + self.projection(features, labels)

    def _classification(self, features: Tensor, labels: Tensor | None) -> dict[str, Tensor]:
        """−log P(class | image): both networks lower it (Odena 2017, eq. 3), each of its own kind of images, so that
        the classifier learns nothing from what early fakes look like."""
        if self.classifier is None or labels is None:
            return {}
        loss = F.cross_entropy(head_of(self.classifier, features), labels)
        return {"classification": self.classifier_weight * loss}
