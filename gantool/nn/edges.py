"""The convolutions at the edge of a network, between a picture's one to four channels and many features.

oneDNN makes a picture from features (a generator's last layer, and the gradient with respect to a discriminator's
input) eight times slower than the multiplications would take: its kernels fill their lanes with output channels,
and here there are hardly any. With stride 2 the same sums are a 3×3 convolution to four pictures, one for each phase
of the pixel grid, that are then interleaved (Shi 2016, "Is the deconvolution layer the same as a convolutional
layer?"). Both directions are each other's transpose, so each is the other's derivative, as often as one derives.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_STRIDE = 2
_SPAN = 6  # two phases of three taps
_FEW = 4


class FromPicture(nn.Conv2d):
    """A convolution of stride 2 that halves both sides of a picture: N×C×2H×2W → N×F×H×W, C ≤ 4.

    Args:
        channels: C, of the picture.
        features: F.
        kernel: side of the kernel, 4 or 5.
    """

    def __init__(self, channels: int, features: int, kernel: int) -> None:
        super().__init__(channels, features, kernel, stride=_STRIDE, padding=_padding(kernel))

    def forward(self, input: Tensor) -> Tensor:
        """N×C×2H×2W → N×F×H×W."""
        if input.device.type != "cpu" or self.in_channels > _FEW:
            return super().forward(input)
        down: Tensor = _Down.apply(*_in_one_dtype(input, self.weight, self.bias))
        return down


class ToPicture(nn.ConvTranspose2d):
    """A transposed convolution of stride 2 without bias that doubles both sides: N×F×H×W → N×C×2H×2W, C ≤ 4.

    Args:
        features: F.
        channels: C, of the picture.
        kernel: side of the kernel, 4 or 5.
    """

    def __init__(self, features: int, channels: int, kernel: int) -> None:
        padding = _padding(kernel)
        missing = 2 * padding + _STRIDE - kernel  # what makes the sides exactly double
        super().__init__(features, channels, kernel, _STRIDE, padding, output_padding=missing, bias=False)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """N×F×H×W → N×C×2H×2W."""
        if input.device.type != "cpu" or self.out_channels > _FEW:
            return super().forward(input, output_size)
        up: Tensor = _Up.apply(*_in_one_dtype(input, self.weight))
        return up


class _Down(torch.autograd.Function):
    """F.conv2d(picture, weight, bias, stride=2)."""

    @staticmethod
    def forward(ctx: Any, picture: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        ctx.save_for_backward(picture, weight)
        return F.conv2d(picture, weight, bias, _STRIDE, _padding(weight.shape[-1]))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        picture, weight = ctx.saved_tensors
        wants_picture, wants_weight, wants_bias = (*ctx.needs_input_grad, False)[:3]
        return (
            _Up.apply(gradient, weight) if wants_picture else None,
            _weight_gradient(gradient, picture, weight) if wants_weight else None,
            gradient.sum((0, 2, 3)) if wants_bias else None,
        )


class _Up(torch.autograd.Function):
    """F.conv_transpose2d(features, weight, stride=2), to exactly twice the sides."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(features, weight)
        return F.pixel_shuffle(F.conv2d(features, _phases(weight), padding=1), _STRIDE)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        features, weight = ctx.saved_tensors
        wants_features, wants_weight = ctx.needs_input_grad
        return (
            _Down.apply(gradient, weight) if wants_features else None,
            _weight_gradient(features, gradient, weight) if wants_weight else None,
        )


def _phases(weight: Tensor) -> Tensor:
    """F×C×k×k, of stride 2 → 4C×F×3×3, of stride 1, in the channel order of `F.pixel_shuffle`.

    Pixel 2i + a of the picture is Σ_d x[i − d]·w[2d + a + padding]: phase a takes every second tap, mirrored.
    """
    features, channels, kernel, _ = weight.shape
    before = 2 - _padding(kernel)
    after = _SPAN - kernel - before
    taps = F.pad(weight, (before, after, before, after)).view(features, channels, 3, 2, 3, 2)
    phases = taps.flip(2, 4).permute(1, 3, 5, 0, 2, 4).reshape(4 * channels, features, 3, 3)
    return phases.contiguous(memory_format=torch.channels_last)


def _weight_gradient(features: Tensor, picture: Tensor, weight: Tensor) -> Tensor:
    """What either direction's weight gets; bilinear in ``features`` and ``picture``, and differentiable."""
    padding = _padding(weight.shape[-1])
    gradient: Tensor = torch.ops.aten.convolution_backward(
        features, picture, weight, None, [_STRIDE] * 2, [padding] * 2, [1, 1], False, [0, 0], 1, [False, True, False]
    )[1]
    return gradient


def _padding(kernel: int) -> int:
    if kernel not in {4, 5}:
        raise ValueError(f"a picture is halved or doubled by a kernel of 4 or 5 pixels, not {kernel}")
    return (kernel - 1) // 2


def _in_one_dtype(features: Tensor, *parameters: Tensor | None) -> Iterator[Tensor | None]:
    """All as autocast would hand them to a convolution: a function of ours does not cast by itself."""
    kind = features.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else features.dtype
    return (None if tensor is None else tensor.to(dtype) for tensor in (features, *parameters))
