"""Flips, shifts and samples: what they do, and that they are differentiated as often as wanted."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from gantool.nn import warp

IDENTITY = torch.eye(3)[:2]


def smooth(count: int = 2, height: int = 24, width: int = 32) -> Tensor:
    """Waves of eight pixels and more, which sampling at twice the sides keeps."""
    rows = torch.arange(height)[:, None] * 2 * math.pi / 12
    columns = torch.arange(width) * 2 * math.pi / 16
    waves = torch.stack([rows.sin() * columns.cos(), (rows + columns).sin(), (0.5 * rows).cos() + 0 * columns])
    return 0.4 * waves.expand(count, -1, -1, -1)


def matrices(*rows: list[float]) -> Tensor:
    return torch.tensor([rows])


def test_shift_moves_each_image_by_its_own_pixels() -> None:
    images = torch.randn(3, 2, 5, 6)
    moved = warp.shift(images, torch.tensor([1, 0, -2]), torch.tensor([0, 3, -9]))
    assert torch.equal(moved[0, :, 1:], images[0, :, :-1]) and not moved[0, :, 0].any()
    assert torch.equal(moved[1, :, :, 3:], images[1, :, :, :-3]) and not moved[1, :, :, :3].any()
    assert not moved[2].any(), "out of sight"


def test_jitter_takes_every_offset_equally_often() -> None:
    uniform = (torch.arange(7000) + 0.5) / 7000
    marks = torch.zeros(7000, 1, 1, 24)
    marks[..., 12] = 1
    moved = warp.jitter(marks, torch.zeros(7000), uniform, 1 / 8)
    counts = moved.sum(dim=(0, 1, 2))
    assert counts[9:16].tolist() == [1000] * 7 and counts.sum() == 7000


def test_shift_and_sample_are_twice_differentiable() -> None:
    images = torch.randn(2, 2, 4, 5, dtype=torch.float64, requires_grad=True)
    down, right = torch.tensor([1, -1]), torch.tensor([0, 2])
    places = torch.rand(2, 3, 6, 2, dtype=torch.float64) * torch.tensor([4.0, 3.0])
    for change in (lambda x: warp.shift(x, down, right), lambda x: warp.sample(x, places)):
        assert torch.autograd.gradcheck(change, (images,))
        assert torch.autograd.gradgradcheck(lambda x, change=change: change(x).pow(3), (images,))


def test_the_warp_is_twice_differentiable() -> None:
    images = torch.randn(2, 1, 5, 4, dtype=torch.float64, requires_grad=True)
    maps = IDENTITY.double() + 0.3 * torch.randn(2, 2, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: warp.warp(x, maps), (images,))
    assert torch.autograd.gradgradcheck(lambda x: warp.warp(x, maps).pow(3), (images,))


def test_sample_is_torchs_own() -> None:
    images = torch.randn(2, 3, 7, 5, dtype=torch.float64)
    places = torch.rand(2, 4, 6, 2, dtype=torch.float64) * torch.tensor([4.0, 6.0])
    grid = (2 * places + 1) / torch.tensor([5.0, 7.0]) - 1
    torch.testing.assert_close(warp.sample(images, places), F.grid_sample(images, grid, align_corners=False))
    at_pixels = torch.tensor([[[[2.0, 3.0]]], [[[0.0, 6.0]]]], dtype=torch.float64)
    torch.testing.assert_close(
        warp.sample(images, at_pixels).flatten(1), torch.stack([images[0, :, 3, 2], images[1, :, 6, 0]])
    )


def test_the_adjoint_that_adds_in_order_is_the_same() -> None:
    """⟨sample(x), y⟩ = ⟨x, spread(y)⟩: what deterministic CUDA runs take."""
    images, values = torch.randn(2, 3, 7, 5, dtype=torch.float64), torch.randn(2, 3, 4, 6, dtype=torch.float64)
    places = torch.rand(2, 4, 6, 2, dtype=torch.float64) * torch.tensor([4.0, 6.0])
    grid = (2 * places + 1) / torch.tensor([5.0, 7.0]) - 1
    spread = warp.spread(values, grid, images.shape[2:])
    torch.testing.assert_close((warp.sample(images, places) * values).sum(), (images * spread).sum())
    images.requires_grad_()
    (gradient,) = torch.autograd.grad(warp.sample(images, places), images, values)
    torch.testing.assert_close(gradient, spread)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_gives_the_same_bits_every_time() -> None:
    images = torch.randn(16, 3, 64, 64, device="cuda", requires_grad=True)
    maps = IDENTITY.cuda() + 0.3 * torch.randn(16, 2, 3, device="cuda")
    torch.use_deterministic_algorithms(mode=True)
    try:
        gradients = [torch.autograd.grad(warp.warp(images, maps).pow(2).sum(), images)[0] for _ in range(3)]
    finally:
        torch.use_deterministic_algorithms(mode=False)
    assert torch.equal(gradients[0], gradients[1]) and torch.equal(gradients[0], gradients[2])


def test_the_identity_keeps_smooth_images() -> None:
    images = smooth(1)
    assert (warp.warp(images, IDENTITY[None]) - images).abs().max() < 0.01


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        (matrices([-1.0, 0, 0], [0, 1, 0]), lambda x: x.flip(3)),
        (matrices([-1.0, 0, 0], [0, -1, 0]), lambda x: x.flip(2, 3)),
        (matrices([1.0, 0, -3], [0, 1, 2]), lambda x: x.roll((-2, 3), (2, 3))),
    ],
    ids=["flip", "half turn", "3 right and 2 up"],
)
def test_maps_say_where_pixels_come_from(matrix: Tensor, expected) -> None:  # type: ignore[no-untyped-def]
    images = smooth(1)
    inside = (..., slice(4, -4), slice(4, -4))
    assert (warp.warp(images, matrix)[inside] - expected(images)[inside]).abs().max() < 0.01


def test_a_map_by_half_a_pixel_does_not_blur() -> None:
    columns = torch.arange(48) * 2 * math.pi / 6  # waves of six pixels: plain bilinear sampling keeps 87 % of them
    images = columns.sin().expand(1, 1, 48, -1)
    moved = warp.warp(images, matrices([1.0, 0, 0.5], [0, 1, 0]))
    expected = (columns + 0.5 * 2 * math.pi / 6).sin().expand(1, 1, 48, -1)
    assert (moved - expected)[..., 6:-6].abs().max() < 0.06


def test_what_lies_beyond_the_border_is_mirrored() -> None:
    images = smooth(1)
    moved = warp.warp(images, matrices([1.0, 0, -6], [0, 1, 0]))
    assert (moved[..., :6] - images[..., :6].flip(3)).abs().max() < 0.05


@pytest.mark.parametrize("height", [6, 7])
def test_what_was_first_asked_for_without_gradients_serves_training_too(height: int) -> None:
    """The filters and the sides are kept; tensors made in inference mode may not be saved for a backward pass."""
    matrices = torch.eye(2, 3).expand(1, 2, 3)
    with torch.inference_mode():
        warp.warp(torch.rand(1, 1, height, 9), matrices)
    images = torch.rand(1, 1, height, 9, requires_grad=True)
    warp.warp(images, matrices).sum().backward()
    assert images.grad is not None
