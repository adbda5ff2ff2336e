"""Every discriminator × penalty × augmentation, every generator × penalty: the gradient of a gradient, against
finite differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gantool.augment import Augmentation
from gantool.models import ModelSettings
from gantool.penalties import GeneratorPenalty, ImagePenalty
from gantool.seeding import generator, installed
from tests.architectures import colour

CLASSES = 3
STEP = 1e-9  # small: a step across a kink of LeakyReLU makes the penalty jump


@pytest.mark.parametrize("spectral_norm", [False, True])
def test_penalty_trains_the_discriminator(
    model: ModelSettings, image_penalty: ImagePenalty, augmentation: Augmentation, spectral_norm: bool
) -> None:
    torch.manual_seed(0)
    model = model.model_copy(update={"conditioning": "class", "spectral_norm": spectral_norm})
    network = held_still(model.build_discriminator(colour(model), CLASSES))
    real, fake = torch.randn(2, CLASSES, *network.shape, dtype=torch.float64)
    drawn = image_penalty.draw(CLASSES, generator(3)).double()
    parameters = augmentation.draw(CLASSES, augmentation.chance(0, augmentation.memory()), generator(1))

    def critic(images: Tensor) -> Tensor:
        with installed(generator(2)):  # the same dropout mask every time
            return network(augmentation.apply(images, parameters), torch.arange(CLASSES))

    check(network, lambda: image_penalty.value(critic, real, fake, drawn))


def test_penalty_trains_the_generator(model: ModelSettings, generator_penalty: GeneratorPenalty) -> None:
    torch.manual_seed(0)
    model = model.model_copy(update={"conditioning": "class"})
    network = held_still(model.build_generator(colour(model), CLASSES))
    count = 2 * CLASSES
    latents, labels = torch.randn(count, model.latent_dim, dtype=torch.float64), torch.arange(count) % CLASSES
    drawn = generator_penalty.draw(count, tuple(network.shape), generator(3)).double()

    still = generator_penalty.model_copy(update={"decay": 1.0})  # its running mean is a constant to the gradient

    def value() -> Tensor:
        with installed(generator(2)):
            return still.value(network, latents, labels, drawn, still.memory())

    check(network, value)


def held_still(network: nn.Module) -> Any:
    """In float64; power iteration and running means, which would move between two evaluations, stand still."""
    network = network.double()
    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.any():  # a gate of 0 hides what lies behind it
                parameter.normal_(0, 0.1)
    for module in network.modules():
        module.train(type(module).__name__ != "SpectralNorm")
    return network


def check(network: nn.Module, value: Callable[[], Tensor]) -> None:
    """The slope along a random direction of all weights against a difference quotient."""
    weights = [p for p in network.parameters() if p.dim() > 1]
    found = torch.autograd.grad(value(), weights, allow_unused=True)
    gradients = [torch.zeros_like(w) if g is None else g for w, g in zip(weights, found, strict=True)]
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
