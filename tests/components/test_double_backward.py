"""Every discriminator × penalty × augmentation: the gradient of a gradient, against finite differences."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gantool.augment import Augmentation
from gantool.images import ImageShape
from gantool.models import ModelSettings
from gantool.penalties import Penalty
from gantool.seeding import generator, installed

SHAPE = ImageShape(3, 16, 16)
CLASSES = 3
STEP = 1e-8  # small: a step across a kink of LeakyReLU makes the penalty jump


@pytest.mark.parametrize("spectral_norm", [False, True])
def test_penalty_trains_the_discriminator(
    model: ModelSettings, penalty: Penalty, augmentation: Augmentation, spectral_norm: bool
) -> None:
    torch.manual_seed(0)
    model = model.model_copy(update={"conditioning": "class", "spectral_norm": spectral_norm})
    network = model.build_discriminator(SHAPE, CLASSES).double()
    for module in network.modules():  # its power iteration would move between two evaluations
        module.train(type(module).__name__ != "SpectralNorm")
    real, fake = torch.randn(2, CLASSES, *SHAPE, dtype=torch.float64)
    mix = torch.rand(CLASSES, 1, 1, 1, dtype=torch.float64)
    parameters = augmentation.draw(CLASSES, 0, generator(1))

    def critic(images: Tensor) -> Tensor:
        with installed(generator(2)):  # the same dropout mask every time
            return network(augmentation.apply(images, parameters), torch.arange(CLASSES))

    def value() -> Tensor:
        return penalty.value(critic, real, fake, mix)

    weights = [p for p in network.parameters() if p.dim() > 1]
    gradients = torch.autograd.grad(value(), weights)
    direction = [torch.randn_like(weight) for weight in weights]
    slope = sum((g * d).sum() for g, d in zip(gradients, direction, strict=True))
    at = []
    for sign in (1, -1):
        _shift(weights, direction, sign * STEP)
        at.append(value().item())
        _shift(weights, direction, -sign * STEP)
    assert abs(slope) > 1e-8
    assert (at[0] - at[1]) / (2 * STEP) == pytest.approx(float(slope), rel=1e-4)


@torch.no_grad()
def _shift(weights: list[Tensor], direction: list[Tensor], length: float) -> None:
    for weight, towards in zip(weights, direction, strict=True):
        weight.add_(towards, alpha=length)
