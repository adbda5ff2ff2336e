"""The convolutions at a picture's edge against torch's own, with every derivative."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from gantool.nn.edges import FromPicture, ToPicture

KERNELS_AND_CHANNELS = pytest.mark.parametrize(("kernel", "channels"), [(4, 1), (4, 3), (5, 1), (5, 4)])


def gradients(out: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
    weights = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view(out.shape)
    return torch.autograd.grad(out, inputs, weights, create_graph=True)


@KERNELS_AND_CHANNELS
def test_from_picture_is_a_strided_convolution(kernel: int, channels: int) -> None:
    layer = FromPicture(channels, 6, kernel).double()
    picture = torch.randn(2, channels, 8, 12, dtype=torch.float64, requires_grad=True)
    ours, theirs = layer(picture), nn.Conv2d.forward(layer, picture)
    assert ours.shape == (2, 6, 4, 6)
    torch.testing.assert_close(ours, theirs)
    assert layer.bias is not None
    inputs = (picture, layer.weight, layer.bias)
    torch.testing.assert_close(gradients(ours, *inputs), gradients(theirs, *inputs))


@KERNELS_AND_CHANNELS
def test_to_picture_is_a_transposed_convolution(kernel: int, channels: int) -> None:
    layer = ToPicture(6, channels, kernel).double()
    features = torch.randn(2, 6, 4, 6, dtype=torch.float64, requires_grad=True)
    ours, theirs = layer(features), nn.ConvTranspose2d.forward(layer, features)
    assert ours.shape == (2, channels, 8, 12)
    torch.testing.assert_close(ours, theirs)
    inputs = (features, layer.weight)
    torch.testing.assert_close(gradients(ours, *inputs), gradients(theirs, *inputs))


@KERNELS_AND_CHANNELS
def test_second_derivatives_are_torchs_own(kernel: int, channels: int) -> None:
    """What a gradient penalty asks of a discriminator's first layer."""
    layer = FromPicture(channels, 3, kernel).double()
    back = ToPicture(3, channels, kernel).double()

    def penalty(*, ours: bool) -> list[Tensor]:
        picture = torch.linspace(-1, 1, channels * 48, dtype=torch.float64).view(1, channels, 6, 8).requires_grad_()
        down = layer(picture) if ours else nn.Conv2d.forward(layer, picture)
        up = back(down.sin()) if ours else nn.ConvTranspose2d.forward(back, down.sin())
        (slope,) = gradients(up.pow(2), picture)
        return list(torch.autograd.grad(slope.square().sum(), [layer.weight, layer.bias, back.weight]))

    torch.testing.assert_close(penalty(ours=True), penalty(ours=False))


def test_finite_differences_agree() -> None:
    layer, back = FromPicture(1, 2, 5).double(), ToPicture(2, 1, 4).double()
    picture = torch.rand(1, 1, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: back(layer(x).tanh()).tanh(), (picture,))


def test_autocast_decides_the_dtype_as_for_torchs_own_layers() -> None:
    layer, back = FromPicture(3, 8, 5), ToPicture(8, 3, 5)
    picture = torch.rand(2, 3, 8, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        features = layer(picture)
        again = back(features)
        assert features.dtype == again.dtype == torch.bfloat16
        torch.testing.assert_close(features, nn.Conv2d.forward(layer, picture))
        torch.testing.assert_close(again, nn.ConvTranspose2d.forward(back, features), rtol=0.02, atol=0.02)
    again.float().sum().backward()
    assert layer.weight.grad is not None and layer.weight.grad.dtype == torch.float32


def test_memory_stays_channels_last() -> None:
    layer = FromPicture(3, 8, 5).to(memory_format=torch.channels_last)
    picture = torch.rand(2, 3, 8, 8).contiguous(memory_format=torch.channels_last)
    assert layer(picture).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("make", [lambda: FromPicture(1, 4, 3), lambda: ToPicture(4, 1, 7)])
def test_other_kernels_are_refused(make: object) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match="kernel of 4 or 5"):
        make()
