"""ADA's changes (Karras 2020, ADA, appendix B): what the columns of its parameters do to an image.

Geometry is one affine map an image, colour one matrix. A parameter of 0 changes nothing.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gantool.nn.constants import constant
from gantool.nn.layout import as_laid_out
from gantool.nn.warp import warp


def warped(images: Tensor, parameters: Tensor) -> Tensor:
    """Images N×C×H×W; parameters N×10: flip, quarter turns, shift down and right by whole pixels (shares of the
    sides), log2 scale, rotation, log2 anisotropy, rotation, shift down and right."""
    flip, turns, down, right, scale, turn_1, uneven, turn_2, lower, farther = parameters.to(images.dtype).unbind(dim=1)
    height, width = images.shape[2:]
    ones, zeros = torch.ones_like(flip), torch.zeros_like(flip)
    # What is done to the image, first to last; the map says where a drawn pixel comes from, so each is inverted.
    inverses = [
        _matrix(1 - 2 * flip, zeros, zeros, zeros, ones, zeros),
        _rotation(-turns * (math.pi / 2)),
        _matrix(ones, zeros, -(right * width).round(), zeros, ones, -(down * height).round()),
        _matrix(2**-scale, zeros, zeros, zeros, 2**-scale, zeros),
        _rotation(-turn_1),
        _matrix(2**-uneven, zeros, zeros, zeros, 2**uneven, zeros),
        _rotation(-turn_2),
        _matrix(ones, zeros, -farther * width, zeros, ones, -lower * height),
    ]
    origin = inverses[0]
    for inverse in inverses[1:]:
        origin = origin @ inverse
    moved = (parameters != 0).any(dim=1).view(-1, 1, 1, 1)
    return torch.where(moved, warp(images, origin[:, :2]), images)


def recoloured(images: Tensor, parameters: Tensor) -> Tensor:
    """Images N×C×H×W; parameters N×5: brightness, log2 contrast, luma flip, hue, log2 saturation.

    Of grey images hue and saturation change nothing. The alpha of rgba stays.
    """
    brightness, contrast, flip, hue, saturation = (p.view(-1, 1, 1) for p in parameters.to(images.dtype).unbind(dim=1))
    colours = images[:, :3]
    channels = colours.shape[1]
    same = torch.eye(channels, device=images.device, dtype=images.dtype)
    luma = torch.full_like(same, 1 / channels)  # vvᵀ, v the unit vector of grey
    matrix = 2**contrast * (same - 2 * flip * luma)
    if channels == 3:
        cross = constant((0, -1, 1, 1, 0, -1, -1, 1, 0), images).view(3, 3) / math.sqrt(3)  # v×
        turned = hue.cos() * same + hue.sin() * cross + (1 - hue.cos()) * luma  # Rodrigues' formula
        matrix = (luma + 2**saturation * (same - luma)) @ turned @ matrix
    flat = colours.flatten(2) + brightness
    changed = as_laid_out((matrix @ flat).view_as(colours), images)
    touched = (parameters != 0).any(dim=1).view(-1, 1, 1, 1)
    changed = torch.where(touched, changed, colours)
    return changed if images.shape[1] <= 3 else torch.cat([changed, images[:, 3:]], dim=1)


def _matrix(*rows: Tensor) -> Tensor:
    """Six numbers N → N×3×3, the last row (0, 0, 1)."""
    last = [torch.zeros_like(rows[0]), torch.zeros_like(rows[0]), torch.ones_like(rows[0])]
    return torch.stack([*rows, *last], dim=1).view(-1, 3, 3)


def _rotation(angle: Tensor) -> Tensor:
    """Counter-clockwise as one sees it, since rows count downwards."""
    zeros = torch.zeros_like(angle)
    return _matrix(angle.cos(), angle.sin(), zeros, -angle.sin(), angle.cos(), zeros)
