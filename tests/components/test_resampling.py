"""Doubling and halving against the filters written out."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from gantool.nn.resampling import blur, double, halve


def kernel(taps: int) -> Tensor:
    row = torch.tensor([math.comb(taps - 1, i) for i in range(taps)], dtype=torch.float64)
    return torch.outer(row, row) / row.sum() ** 2


def filtered(x: Tensor, taps: int, padding: tuple[int, int]) -> Tensor:
    before, after = padding
    weight = kernel(taps).expand(x.shape[1], 1, taps, taps)
    return F.conv2d(F.pad(x, (before, after, before, after)), weight, groups=x.shape[1])


@pytest.mark.parametrize("taps", [3, 4])
def test_blur_is_the_binomial_filter(taps: int) -> None:
    x = torch.randn(2, 3, 6, 5, dtype=torch.float64)
    torch.testing.assert_close(blur(x, taps, (2, 1)), filtered(x, taps, (2, 1)))


@pytest.mark.parametrize("taps", [3, 4])
def test_double_is_zeros_between_the_pixels_and_the_filter(taps: int) -> None:
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    spread = torch.zeros(2, 3, 8, 10, dtype=torch.float64)
    spread[:, :, ::2, ::2] = x
    expected = 4 * filtered(spread, taps, (2, taps - 3))
    torch.testing.assert_close(double(x, taps), expected)


@pytest.mark.parametrize("taps", [3, 4])
def test_halve_is_the_adjoint_of_double(taps: int) -> None:
    small, large = torch.randn(1, 2, 4, 6, dtype=torch.float64), torch.randn(1, 2, 8, 12, dtype=torch.float64)
    torch.testing.assert_close((double(small, taps) * large).sum(), 4 * (small * halve(large, taps)).sum())


def test_a_constant_stays_itself_inside() -> None:
    x = torch.full((1, 1, 8, 8), 3.0)
    assert torch.equal(double(x)[:, :, 2:-2, 2:-2], torch.full((1, 1, 12, 12), 3.0))
    assert torch.equal(halve(x)[:, :, 1:-1, 1:-1], torch.full((1, 1, 2, 2), 3.0))
