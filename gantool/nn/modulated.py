"""Convolutions that a style steers (Karras 2020, StyleGAN2, §2.2).

A style scales the input channels; demodulation divides each output channel by the length that its weights then have.
Both are done to the maps instead of to a set of weights for each image, which is the same sum: so there are no
grouped convolutions, which are slow in a second backward pass.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gantool.nn.equalised import EqualLinear
from gantool.nn.noise import Noise
from gantool.nn.precision import full_precision
from gantool.nn.resampling import blur

_SLOPE = 0.2
_EPS = 1e-8


class ModulatedConv2d(nn.Module):
    """A convolution of k×k steered by a style.

    Args:
        before: channels that enter.
        after: channels that leave.
        kernel: k, odd.
        style_dim: length of a style.
        doubles: whether it doubles the sides, with a blur of [1, 3, 3, 1].
        demodulates: whether output channels get unit variance.
    """

    def __init__(
        self, before: int, after: int, kernel: int, style_dim: int, *, doubles: bool = False, demodulates: bool = True
    ) -> None:
        super().__init__()
        self.doubles, self.demodulates, self.padding = doubles, demodulates, kernel // 2
        self.affine = EqualLinear(style_dim, before, bias_start=1.0)
        # A transposed convolution has its inputs first.
        shape = (before, after) if doubles else (after, before)
        self.weight = nn.Parameter(torch.randn(*shape, kernel, kernel))
        self.scale = 1 / math.sqrt(before * kernel**2)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """N×before×H×W and styles N×style_dim → N×after×H×W, or double the sides."""
        scales = self.affine(style)  # N × before
        x = x * scales[:, :, None, None].to(x.dtype)
        if self.doubles:
            # Zeros between the pixels lose three quarters of the sum: four times the blur.
            y = 4 * blur(F.conv_transpose2d(x, self.weight, stride=2), 4, (1, 1))
        else:
            y = F.conv2d(x, self.weight, padding=self.padding)
        if not self.demodulates:
            return y * self.scale
        return y * self._lengths(scales)[:, :, None, None].to(y.dtype)

    def _lengths(self, scales: Tensor) -> Tensor:
        """1 / √Σ(s·w)² over each output channel's weights (eq. 3), N × after."""
        with torch.autocast(scales.device.type, enabled=False):
            squares = self.weight.square().sum(dim=(2, 3))
            squares = squares if self.doubles else squares.t()
            return torch.rsqrt(full_precision(scales).square() @ squares + _EPS)


class StyledLayer(nn.Module):
    """A modulated 3×3 convolution, noise, bias, LeakyReLU(0.2)·√2."""

    def __init__(self, before: int, after: int, style_dim: int, *, doubles: bool = False, noise: bool = True) -> None:
        super().__init__()
        self.conv = ModulatedConv2d(before, after, 3, style_dim, doubles=doubles)
        self.noise = Noise() if noise else nn.Identity()
        self.bias = nn.Parameter(torch.zeros(after))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """N×before×H×W and styles N×style_dim → N×after×H×W, or double the sides."""
        y: Tensor = self.noise(self.conv(x, style))
        return F.leaky_relu(y + self.bias[:, None, None].to(y.dtype), _SLOPE) * math.sqrt(2)
