"""Tensors to pictures and back: shapes, value ranges, grids, and the provenance that a picture carries."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class ImageShape(NamedTuple):
    """Channels (1 grey, 3 rgb, 4 premultiplied rgba), height and width in pixels."""

    channels: int
    height: int
    width: int


def to_unit_range(pixels: Tensor) -> Tensor:
    """uint8 N×H×W×C in [0, 255] → float32 N×C×H×W in [-1, 1], in channels-last memory (no copy is made for it)."""
    return pixels.permute(0, 3, 1, 2).to(torch.float32).div_(127.5).sub_(1.0)


def to_pixels(images: Tensor) -> NDArray[np.uint8]:
    """Float N×C×H×W in [-1, 1] → uint8 N×H×W×C, rounded to the nearest level and clipped."""
    levels = images.detach().float().add(1.0).mul_(127.5).round_().clamp_(0, 255)
    return levels.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()
