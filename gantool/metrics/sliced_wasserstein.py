"""The sliced Wasserstein distance between two sets of pictures (Karras 2018, "Progressive growing", section 5).

Local patches of a Laplacian pyramid are compared along random directions: at each level the distance says how alike
the two sets are in structure of that size. It needs no pretrained network, so it works on any kind of picture; it is
coarser than a distance between features, and says little about whether a whole shape makes sense.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

PATCH = 7
PATCHES_PER_IMAGE = 16
DIRECTIONS = 256
SMALLEST_SIDE = 14
_BINOMIAL = (1.0, 4.0, 6.0, 4.0, 1.0)


def sliced_wasserstein(first: Tensor, second: Tensor, source: torch.Generator) -> float:
    """The mean over pyramid levels of the sliced Wasserstein-1 distance, times 1000 as in the paper.

    Args:
        first: N×C×H×W in [-1, 1].
        second: as many pictures of the same shape.
        source: a CPU generator for patch positions and directions; the same seed gives the same number.

    Raises:
        ValueError: when the shapes differ.
    """
    if first.shape != second.shape:
        raise ValueError(f"two sets of one shape are compared, not {list(first.shape)} and {list(second.shape)}")
    distances = []
    for level_of_first, level_of_second in zip(_pyramid(first), _pyramid(second), strict=True):
        descriptors = [_normalised(_patches(level, source)) for level in (level_of_first, level_of_second)]
        distances.append(_sliced(descriptors[0], descriptors[1], source))
    return 1000.0 * float(torch.stack(distances).mean())


def _pyramid(images: Tensor) -> list[Tensor]:
    """Laplacian pyramid, finest level first; the last level is what is left of the picture itself."""
    levels = []
    while min(images.shape[2:]) >= 2 * SMALLEST_SIDE:
        smaller = _blur(images)[:, :, ::2, ::2]
        back = F.interpolate(smaller, size=images.shape[2:], mode="bilinear", align_corners=False)
        levels.append(images - back)
        images = smaller
    return [*levels, images]


def _blur(images: Tensor) -> Tensor:
    """The 5-tap binomial filter along both axes (Burt & Adelson 1983), edges reflected."""
    channels = images.shape[1]
    taps = torch.tensor(_BINOMIAL, device=images.device) / sum(_BINOMIAL)
    kernel = torch.outer(taps, taps).expand(channels, 1, 5, 5)
    return F.conv2d(F.pad(images, (2, 2, 2, 2), mode="reflect"), kernel, groups=channels)


def _patches(images: Tensor, source: torch.Generator) -> Tensor:
    """Random patches of every image → M×C×PATCH×PATCH."""
    count, _, height, width = images.shape
    owners = torch.arange(count).repeat_interleave(PATCHES_PER_IMAGE)
    tops = torch.randint(height - PATCH + 1, owners.shape, generator=source)
    lefts = torch.randint(width - PATCH + 1, owners.shape, generator=source)
    return images.unfold(2, PATCH, 1).unfold(3, PATCH, 1)[owners, :, tops, lefts]


def _normalised(patches: Tensor) -> Tensor:
    """Each channel to mean 0 and deviation 1 over all patches, flattened to M×D."""
    mean = patches.mean((0, 2, 3), keepdim=True)
    deviation = patches.std((0, 2, 3), keepdim=True).clamp_min(1e-8)
    return ((patches - mean) / deviation).flatten(1)


def _sliced(first: Tensor, second: Tensor, source: torch.Generator) -> Tensor:
    """Mean over random directions of the one-dimensional Wasserstein-1 distance: sort, subtract."""
    directions = torch.randn(first.shape[1], DIRECTIONS, generator=source).to(first.device)
    directions /= directions.norm(dim=0, keepdim=True)
    ordered = [(points @ directions).sort(dim=0).values for points in (first, second)]
    return (ordered[0] - ordered[1]).abs().mean()
