"""Noise in a generator: what no latent need decide, such as where each hair lies."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gantool import seeding


class Noise(nn.Module):
    """x + strength·noise, the noise one map an image, the same for all channels; strength begins at 0.

    It is drawn from what `seeding.installed` says, while training and afterwards.
    """

    def __init__(self) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """N×C×H×W → the same shape and dtype.

        Raises:
            RuntimeError: outside of `seeding.installed`.
        """
        noise = seeding.normal(len(x), 1, *x.shape[2:], device=x.device).to(x.dtype)
        noisy: Tensor = x + self.strength * noise
        return noisy
