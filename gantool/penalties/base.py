"""What every discriminator penalty offers. It has no state: its settings are the penalty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from pydantic import PositiveInt
from torch import Tensor

from gantool.component import Settings
from gantool.nn.precision import full_precision
from gantool.schedules import NotNegative

Critic = Callable[[Tensor], Tensor]
"""Images N×C×H×W → N logits: the discriminator with its labels and augmentation filled in."""


class Penalty(Settings):
    """A term added to the discriminator's loss, in the same step: weight · every_steps · `value`.

    With ``every_steps: n`` it is computed in every n-th discriminator step only ("lazy", Karras 2020 §B of
    StyleGAN2), and counts n times as much there.
    """

    weight: NotNegative = 1.0
    every_steps: PositiveInt = 1
    precision: Literal["float32", "training"] = "float32"
    """float32 leaves autocast; ``training`` computes it in the training precision: faster, coarser."""

    def value(self, critic: Critic, real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
        """The unweighted penalty.

        Args:
            critic: images → logits; called with images that ask for gradients.
            real: N×C×H×W, detached. fake: the same, detached.
            mix: N×1×1×1 of U(0, 1), for penalties between real and fake.

        Returns:
            a scalar that can be differentiated with respect to the discriminator's parameters.
        """
        raise NotImplementedError


def squared_gradient_norms(critic: Critic, images: Tensor) -> Tensor:
    """‖∇D(xᵢ)‖² for each of the images N×C×H×W → N, float32, differentiable in D's parameters.

    The sum over the batch is differentiated once: the logit of a sample depends on that sample alone.
    """
    images = images.detach().requires_grad_()
    (gradients,) = torch.autograd.grad(critic(images).sum(), images, create_graph=True)
    return full_precision(gradients).square().sum(dim=(1, 2, 3))
