"""Layers with an equalised learning rate: weights of N(0, 1) in memory, scaled where they are used (Karras 2018,
ProGAN, §4.1), so that Adam, whose steps ignore a weight's scale, moves all of them equally fast."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor, nn

from gantool.nn.conditioning import class_vectors


class EqualLinear(nn.Linear):
    """A linear layer.

    Args:
        before: features that enter.
        after: features that leave.
        rate: its learning rate, as a factor of the optimizer's.
        bias_start: of every bias.
    """

    def __init__(self, before: int, after: int, *, rate: float = 1.0, bias_start: float = 0.0) -> None:
        super().__init__(before, after)
        self.scale, self.rate = rate / math.sqrt(before), rate
        nn.init.normal_(self.weight, std=1 / rate)
        nn.init.constant_(self.bias, bias_start / rate)

    def forward(self, x: Tensor) -> Tensor:
        """N×before → N×after."""
        return F.linear(x, self.weight * self.scale, self.bias * self.rate)


class EqualConv2d(nn.Conv2d):
    """A convolution with square kernels, padded so that stride 1 keeps the sides, unless ``padding`` says otherwise."""

    def __init__(
        self, before: int, after: int, kernel: int, *, stride: int = 1, padding: int | None = None, bias: bool = True
    ) -> None:
        super().__init__(before, after, kernel, stride, kernel // 2 if padding is None else padding, bias=bias)
        self.scale = 1 / math.sqrt(before * kernel**2)
        nn.init.normal_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """N×before×H×W → N×after×H'×W'."""
        return F.conv2d(x, self.weight * self.scale, self.bias, self.stride, self.padding)


class EqualClassProjection(nn.Module):
    """`gantool.nn.conditioning.ClassProjection` with class vectors of N(0, 1)."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.scale = 1 / math.sqrt(features)
        self.vectors = nn.Embedding(classes, features)

    def forward(self, features: Tensor, labels: Tensor | None) -> Tensor:
        """Features N×features and labels (N, or N×classes) → N, what the class adds to the logit.

        Raises:
            ValueError: without labels.
        """
        return (features * class_vectors(self.vectors, labels)).sum(dim=1) * self.scale


def forget_scales(module: nn.Module) -> None:
    """Use the weights within ``module`` as they are: for spectral norm, which gives them their length."""
    for layer in module.modules():
        if isinstance(layer, EqualLinear | EqualConv2d | EqualClassProjection):
            layer.scale = 1.0
