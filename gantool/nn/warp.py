"""Images moved: flipped, shifted by whole pixels, and sampled anywhere; each image by its own numbers.

All of it is linear in the pixels, so the derivative is the adjoint, and the derivative of that is the operation again.
Written down as such it can be differentiated as often as wanted, which torch's own ``grid_sample`` cannot.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gantool.nn.constants import constant
from gantool.nn.layout import as_laid_out

_BILINEAR, _BORDER = 0, 1  # of ATen
_LANCZOS = 3


def flip(images: Tensor, flipped: Tensor) -> Tensor:
    """N×C×H×W, those of ``flipped`` (bool N) from left to right."""
    return torch.where(flipped.view(-1, 1, 1, 1), images.flip(3), images)


def shift(images: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """N×C×H×W, each moved by its own whole numbers of pixels (int64 N); what comes in is 0."""
    moved: Tensor = _Shift.apply(images, down, right)
    return moved


def jitter(images: Tensor, down: Tensor, right: Tensor, share: float) -> Tensor:
    """`shift` by up to ``share`` of the sides, every whole number of pixels equally often; ``down`` and ``right`` are
    U(0, 1), N each."""
    return shift(images, _offset(down, images.shape[2], share), _offset(right, images.shape[3], share))


def _offset(uniform: Tensor, side: int, share: float) -> Tensor:
    largest = int(side * share + 0.5)
    return (uniform * (2 * largest + 1)).floor().long() - largest


def sample(images: Tensor, places: Tensor) -> Tensor:
    """Images N×C×H×W at ``places`` N×H'×W'×2 → N×C×H'×W', between pixels bilinearly.

    Places are (column, row) in pixels, (0, 0) the middle of the first one; they lie within the image, and no gradient
    flows to them.
    """
    height, width = images.shape[2:]
    sides = constant((width, height), places)
    sampled: Tensor = _Sample.apply(images, (2 * places + 1) / sides - 1)
    return sampled


def warp(images: Tensor, matrices: Tensor) -> Tensor:
    """Images N×C×H×W under affine maps N×2×3, with what lies beyond the border mirrored.

    A matrix says where the pixel that is drawn at (x, y) comes from, both counted in pixels from the image's middle.
    The sampling is done at twice the sides, between Lanczos filters: plain bilinear sampling blurs, and the
    discriminator would see it.
    """
    height, width = images.shape[2:]
    kind = images.device, images.dtype
    large = _enlarging(height, *kind) @ images @ _enlarging(width, *kind).t()
    rows = (torch.arange(2 * height, device=images.device, dtype=images.dtype) + 0.5) / 2 - height / 2
    columns = (torch.arange(2 * width, device=images.device, dtype=images.dtype) + 0.5) / 2 - width / 2
    ones = torch.ones(2 * height, 2 * width, device=images.device, dtype=images.dtype)
    drawn = torch.stack([ones * columns, ones * rows[:, None], ones], dim=-1)  # 2H × 2W × 3
    come_from = torch.einsum("nij,hwj->nhwi", matrices.to(images.dtype), drawn)
    sides = constant((width, height), come_from)
    places = _mirrored(2 * come_from + sides - 0.5, 2 * sides)
    small = _reducing(height, *kind) @ sample(large, places) @ _reducing(width, *kind).t()
    return as_laid_out(small, images)


class _Shift(torch.autograd.Function):
    """The adjoint of a shift with zeros is the shift back."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, down: Tensor, right: Tensor) -> Tensor:
        ctx.save_for_backward(down, right)
        (rows, seen_rows), (columns, seen_columns) = (
            _sources(images.shape[2], down), _sources(images.shape[3], right)
        )  # fmt: skip
        numbers = torch.arange(len(images), device=images.device)[:, None, None]
        moved = images.permute(0, 2, 3, 1)[numbers, rows[:, :, None], columns[:, None, :]]  # N×H×W×C
        seen = seen_rows[:, :, None] & seen_columns[:, None, :]
        return as_laid_out((moved * seen[..., None]).permute(0, 3, 1, 2), images)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        down, right = ctx.saved_tensors
        return shift(gradient, -down, -right), None, None


def _sources(side: int, offset: Tensor) -> tuple[Tensor, Tensor]:
    """(where each place of a shifted axis comes from, N×side; whether that is within the image)."""
    source = torch.arange(side, device=offset.device) - offset[:, None]
    return source.clamp(0, side - 1), (source >= 0) & (source < side)


class _Sample(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, grid: Tensor) -> Tensor:
        ctx.save_for_backward(grid)
        ctx.sides = images.shape[2:]
        return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (grid,) = ctx.saved_tensors
        return _SampleAdjoint.apply(gradient, grid, ctx.sides), None


class _SampleAdjoint(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gradient: Tensor, grid: Tensor, sides: torch.Size) -> Tensor:
        ctx.save_for_backward(grid)
        if gradient.is_cuda and torch.are_deterministic_algorithms_enabled():
            return spread(gradient, grid, sides)  # torch's own adds in no fixed order there
        images = gradient.new_zeros(*gradient.shape[:2], *sides)  # its shape is what counts
        spread_, _ = torch.ops.aten.grid_sampler_2d_backward(
            gradient, images, grid, _BILINEAR, _BORDER, False, (True, False)
        )
        adjoint: Tensor = spread_
        return adjoint

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (grid,) = ctx.saved_tensors
        return _Sample.apply(gradient, grid), None, None


def spread(values: Tensor, grid: Tensor, sides: torch.Size) -> Tensor:
    """The adjoint of bilinear sampling: each of the values N×C×H'×W' is added to the four pixels around its place in
    ``grid`` (N×H'×W'×2 from -1 to 1), always in one order → N×C×H×W."""
    height, width = sides
    count, channels = values.shape[:2]
    places = ((grid + 1) * constant((width, height), grid) - 1) / 2
    places = torch.minimum(places.clamp(min=0), constant((width - 1, height - 1), grid))
    corner = places.floor()
    share = places - corner  # N×H'×W'×2
    rows = values.permute(0, 2, 3, 1).reshape(-1, channels)
    image = torch.arange(count, device=values.device).view(-1, 1, 1) * height * width
    total = values.new_zeros(count * height * width, channels)
    for right in (0, 1):
        for below in (0, 1):
            column = (corner[..., 0].long() + right).clamp(max=width - 1)
            row = (corner[..., 1].long() + below).clamp(max=height - 1)
            weight = (share[..., 0] if right else 1 - share[..., 0]) * (share[..., 1] if below else 1 - share[..., 1])
            total.index_add_(0, (image + row * width + column).flatten(), rows * weight.reshape(-1, 1))
    return total.view(count, height, width, channels).permute(0, 3, 1, 2)


def _mirrored(places: Tensor, sides: Tensor) -> Tensor:
    """Places beyond the outer edges of the first and last pixel, folded back (… c b a | a b c | c b a …)."""
    folded = torch.remainder(places + 0.5, 2 * sides)
    inside = torch.minimum(folded, 2 * sides - folded) - 0.5
    return torch.minimum(inside.clamp(min=0), sides - 1)


@functools.cache
@torch.inference_mode(mode=False)  # what is kept must serve training too, whoever asked first
def _enlarging(side: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """2·side × side: between pixels by Lanczos' filter, with the border mirrored."""
    return _filter_matrix(side, [(place + 0.5) / 2 - 0.5 for place in range(2 * side)], 1.0).to(device, dtype)


@functools.cache
@torch.inference_mode(mode=False)
def _reducing(side: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """side × 2·side: the same filter, twice as wide."""
    return _filter_matrix(2 * side, [2 * place + 0.5 for place in range(side)], 2.0).to(device, dtype)


def _filter_matrix(side: int, centres: list[float], stretch: float) -> Tensor:
    matrix = torch.zeros(len(centres), side, dtype=torch.float64)
    for row, centre in enumerate(centres):
        reach = _LANCZOS * stretch
        for place in range(math.ceil(centre - reach), math.floor(centre + reach) + 1):
            folded = place % (2 * side)
            matrix[row, min(folded, 2 * side - 1 - folded)] += _lanczos((place - centre) / stretch)
    return matrix / matrix.sum(dim=1, keepdim=True)


def _lanczos(x: float) -> float:
    return 1.0 if x == 0 else math.sin(math.pi * x) * math.sin(math.pi * x / _LANCZOS) * _LANCZOS / (math.pi * x) ** 2
