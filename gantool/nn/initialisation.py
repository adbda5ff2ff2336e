"""Initial weights other than torch's own."""

from __future__ import annotations

from torch import nn


def glorot_uniform(module: nn.Module) -> None:
    """Linear and convolution weights from U(−a, a), a = √(6 / (fan_in + fan_out)) (Glorot 2010, eq. 16).

    Biases become zero. Normalisation layers and embeddings keep theirs.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
