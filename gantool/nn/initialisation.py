"""Initial weights other than torch's own."""

from __future__ import annotations

import math

from torch import nn


def he_normal(module: nn.Module, gain: float = 1.0) -> None:
    """Linear and convolution weights from N(0, gain²/fan_in) (He 2015, eq. 10); biases become zero.

    A gain of √2 keeps the variance through a ReLU, of 2 through a gated linear unit at small values.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.normal_(layer.weight, std=gain / math.sqrt(layer.weight[0].numel()))
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def glorot_uniform(module: nn.Module) -> None:
    """Linear and convolution weights from U(−a, a), a = √(6 / (fan_in + fan_out)) (Glorot 2010, eq. 16).

    Biases become zero. Normalisation layers and embeddings keep theirs.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
