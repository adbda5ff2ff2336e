"""How much pictures look like a given one, as a number that can be differentiated.

Two parts, added: the mean squared difference of pixels in [-1, 1]; and the difference of what the first layers of
EfficientNet-Lite0 see: maps of length 1 at every place, squared differences summed over channels, averaged over places
and layers (Zhang 2018, "The Unreasonable Effectiveness of Deep Features", eq. 1, with all w = 1). The first layers
only, on pictures brought to 112 pixels a side: they see edges, textures and small parts, and cost a tenth of the whole.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from gantool.images import to_unit_range
from gantool.metrics.features import EfficientNetLite0

_SIDE, _MOST_ENLARGED = 112, 4
_EPS = 1e-10


class Distance(NamedTuple):
    """Of N pictures to the one: N numbers each."""

    pixels: Tensor
    features: Tensor

    @property
    def total(self) -> Tensor:
        """What is made small."""
        return self.pixels + self.features


class Likeness:
    """Compares pictures with one.

    Args:
        target: uint8 H×W×C (grey, rgb, or premultiplied rgba).
        device: where it computes.

    Raises:
        UsageError: when the weights of the features are missing.
    """

    def __init__(self, target: NDArray[np.uint8], device: torch.device) -> None:
        self._network = EfficientNetLite0(device)
        self._target = to_unit_range(torch.from_numpy(target[None].copy())).to(
            device
        )  # Pillow's are not to be written to
        with torch.no_grad():
            self._seen = self._look(self._target)

    def __call__(self, images: Tensor) -> Distance:
        """Float N×C×H×W → their distances, as they are shown: what lies beyond [-1, 1] is clipped."""
        images = images.clamp(-1, 1)
        pixels = (images - self._target).square().mean(dim=(1, 2, 3))
        layers = [
            (ours - theirs).square().sum(dim=1).mean(dim=(1, 2))
            for ours, theirs in zip(self._look(images), self._seen, strict=True)
        ]
        return Distance(pixels, torch.stack(layers).mean(dim=0))

    @torch.no_grad()
    def of(self, pixels: NDArray[np.uint8]) -> Distance:
        """The same of uint8 N×H×W×C."""
        return self(to_unit_range(torch.from_numpy(pixels)).to(self._target.device))

    def _look(self, images: Tensor) -> list[Tensor]:
        maps = self._network.early_maps((_opaque(images) + 1) * 127.5)
        return [each / (each.square().sum(dim=1, keepdim=True) + _EPS).sqrt() for each in maps]


def _opaque(images: Tensor) -> Tensor:
    """N×C×H×W in [-1, 1] → N×3×h×w, rgba laid on white."""
    if images.shape[1] == 4:
        images = (images[:, :3] + 1 - images[:, 3:]).clamp(-1, 1)  # premultiplied: c + (1 − α), in [-1, 1]
    elif images.shape[1] == 1:
        images = images.expand(-1, 3, -1, -1)
    scale = min(_SIDE / max(images.shape[2:]), _MOST_ENLARGED)
    size = [max(1, round(side * scale)) for side in images.shape[2:]]
    if size != list(images.shape[2:]):
        rows, columns = (
            _resizing(*sides, images.device, images.dtype) for sides in zip(images.shape[2:], size, strict=True)
        )
        images = rows @ images @ columns.t()
    return images.contiguous(memory_format=torch.channels_last)


@functools.cache
@torch.inference_mode(mode=False)  # what is kept must serve a search too, whoever asked first
def _resizing(side: int, wanted: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Wanted × side: bilinear, antialiased where it makes smaller. As a product its derivative adds in a fixed order,
    which on CUDA torch's own does not."""
    column = torch.eye(side, dtype=torch.float64)[None, None]
    resized = F.interpolate(column, size=(wanted, side), mode="bilinear", align_corners=False, antialias=wanted < side)
    return resized[0, 0].to(device, dtype)
