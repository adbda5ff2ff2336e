"""Path length regularisation: a step of equal length in the latent space changes every picture equally much."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor

from gantool.nn.memory import Memory, follow
from gantool.nn.precision import full_precision
from gantool.penalties.base import Drawer, GeneratorPenalty, roots
from gantool.schedules import NotNegative


class PathLength(GeneratorPenalty):
    """E(‖Jᵀy‖ − a)², y ~ N(0, 1/HW) an image, J the slope at the styles, a the running mean of the norm
    (Karras 2020, StyleGAN2, eq. 4). Where each layer has a style of its own the norm is the root of the mean square."""

    name: Literal["path_length"] = "path_length"
    weight: NotNegative = 2.0
    every_steps: PositiveInt = 4
    decay: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """Weight of the old running mean of the length."""
    share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of the batch that it is computed for: a second derivative costs memory."""

    def memory(self) -> Memory:
        """See `Penalty.memory`."""
        return {"length": torch.zeros(())}

    def value(self, generator: Drawer, latents: Tensor, labels: Tensor | None, drawn: Tensor, memory: Memory) -> Tensor:
        """See `GeneratorPenalty.value`."""
        count = max(1, int(self.share * len(latents)))
        labels = None if labels is None else labels[:count]
        styles = generator.styles(latents[:count], labels)
        if not styles.requires_grad:  # the latents themselves
            styles = styles.detach().requires_grad_()
        images = generator.draw(styles, labels)
        towards = drawn[:count] / math.sqrt(images.shape[2] * images.shape[3])
        (slopes,) = torch.autograd.grad((images * towards).sum(), styles, create_graph=True)
        squares = full_precision(slopes).square().sum(dim=-1)  # N, or N×layers
        lengths = roots(squares.flatten(1).mean(dim=1) if squares.dim() > 1 else squares)
        follow(memory["length"], lengths.mean(), 1 - self.decay)
        return (lengths - memory["length"].clone()).square().mean()
