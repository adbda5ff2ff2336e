"""What every penalty offers: a term added to one network's loss. Its settings are the penalty; what it has to
remember from step to step, if anything, is kept for it in the run's state.

There are three kinds, by what they look at: `ImagePenalty` differentiates the discriminator at images,
`LogitPenalty` needs the step's logits alone, and `GeneratorPenalty` looks at the generator.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal, Protocol

import torch
from pydantic import PositiveInt
from torch import Tensor

from gantool.component import Settings
from gantool.nn.memory import Memory
from gantool.nn.precision import full_precision
from gantool.schedules import NotNegative

Critic = Callable[[Tensor], Tensor]
"""Images N×C×H×W → N logits: the discriminator with its labels and augmentation filled in."""


class Drawer(Protocol):
    """What a penalty needs of a generator: the two halves of its forward pass."""

    def styles(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Latents N×latent_dim → N×…, the last axis a vector that pictures are drawn from."""

    def draw(self, styles: Tensor, labels: Tensor | None = None) -> Tensor:
        """Those → images N×C×H×W."""


class Penalty(Settings):
    """A term added to a network's loss, in the same step: weight · every_steps · value.

    With ``every_steps: n`` it is computed in every n-th step of that network only ("lazy", Karras 2020 §B of
    StyleGAN2), and counts n times as much there.
    """

    network: ClassVar[Literal["discriminator", "generator"]] = "discriminator"
    """Whose loss it is added to."""

    weight: NotNegative = 1.0
    every_steps: PositiveInt = 1
    precision: Literal["float32", "training"] = "float32"
    """float32 leaves autocast; ``training`` computes it in the training precision: faster, coarser."""

    def memory(self) -> Memory:
        """What it remembers, as it is before the first step."""
        return {}


class ImagePenalty(Penalty):
    """A penalty of the discriminator at images."""

    stream: ClassVar[str] = "mix"
    """The random stream that it draws from."""

    def draw(self, count: int, source: torch.Generator) -> Tensor:
        """What `value` needs of chance, count×…, on the device of ``source``: U(0, 1), count×1×1×1."""
        return torch.rand(count, 1, 1, 1, generator=source, device=source.device)

    def value(self, critic: Critic, real: Tensor, fake: Tensor, drawn: Tensor) -> Tensor:
        """The unweighted penalty.

        Args:
            critic: images → logits; called with images that ask for gradients.
            real: N×C×H×W, detached. fake: the same, detached.
            drawn: N×…, from `draw`.

        Returns:
            a scalar that can be differentiated with respect to the discriminator's parameters.
        """
        raise NotImplementedError


class LogitPenalty(Penalty):
    """A penalty of the logits that the step computes anyway."""

    def value(self, real: Tensor, fake: Tensor, memory: Memory) -> Tensor:
        """The unweighted penalty of real and fake logits, N each → a scalar; ``memory`` is moved on."""
        raise NotImplementedError


class GeneratorPenalty(Penalty):
    """A penalty of the generator, in its own step. ``every_steps`` counts the generator's steps."""

    network: ClassVar[Literal["discriminator", "generator"]] = "generator"

    def draw(self, count: int, shape: tuple[int, ...], source: torch.Generator) -> Tensor:
        """What `value` needs of chance for ``count`` images of ``shape``, on the device of ``source``."""
        return torch.randn(count, *shape, generator=source, device=source.device)

    def value(self, generator: Drawer, latents: Tensor, labels: Tensor | None, drawn: Tensor, memory: Memory) -> Tensor:
        """The unweighted penalty.

        Args:
            generator: the network.
            latents: N×latent_dim, fresh ones.
            labels: theirs.
            drawn: N×…, from `draw`.
            memory: moved on.

        Returns:
            a scalar that can be differentiated with respect to the generator's parameters.
        """
        raise NotImplementedError


def squared_gradient_norms(critic: Critic, images: Tensor) -> Tensor:
    """‖∇D(xᵢ)‖² for each of the images N×C×H×W → N, float32, differentiable in D's parameters.

    The sum over the batch is differentiated once: the logit of a sample depends on that sample alone.
    """
    images = images.detach().requires_grad_()
    (gradients,) = torch.autograd.grad(critic(images).sum(), images, create_graph=True)
    return full_precision(gradients).square().sum(dim=(1, 2, 3))


def roots(squares: Tensor) -> Tensor:
    """√ of sums of squares. It has an infinite slope at 0, and ∞·0 is NaN: there, the root is a constant 0."""
    vanished = squares == 0
    return torch.where(vanished, 1.0, squares).sqrt().masked_fill(vanished, 0.0)
