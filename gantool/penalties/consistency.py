"""Balanced consistency regularisation: an image that is flipped and moved a little is judged as before."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from gantool.nn.precision import full_precision
from gantool.nn.warp import flip, jitter
from gantool.penalties.base import Critic, ImagePenalty
from gantool.schedules import NotNegative

_LARGEST_SHIFT = 1 / 8


class Consistency(ImagePenalty):
    """E(D(x) − D(T(x)))² + E(D(G(z)) − D(T(G(z))))² (Zhao 2020, ICR, algorithm 1: bCR), T a flip of every second image
    and a shift of up to an eighth of the sides. It costs four forward passes of the discriminator.

    Not for pictures whose sides differ: those of letters and digits do.
    """

    stream: ClassVar[str] = "consistency"

    name: Literal["consistency"] = "consistency"
    weight: NotNegative = 10.0
    precision: Literal["float32", "training"] = "training"

    def draw(self, count: int, source: torch.Generator) -> Tensor:
        """U(0, 1), count×6: flip, down and right, for a real and for a generated image."""
        return torch.rand(count, 6, generator=source, device=source.device)

    def value(self, critic: Critic, real: Tensor, fake: Tensor, drawn: Tensor) -> Tensor:
        """See `ImagePenalty.value`."""
        return _difference(critic, real, drawn[:, :3]) + _difference(critic, fake, drawn[:, 3:])


def _difference(critic: Critic, images: Tensor, drawn: Tensor) -> Tensor:
    flipped, down, right = drawn.unbind(dim=1)
    moved = jitter(flip(images, flipped < 0.5), down, right, _LARGEST_SHIFT)
    return (full_precision(critic(images)) - full_precision(critic(moved))).square().mean()
