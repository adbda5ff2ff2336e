"""Near-identical pairs among generated pictures, and how many different pictures they suggest there are.

Pictures are compared as they look from afar: averaged down to at most 16 pixels a side, so that a little noise does
not make a repetition look new.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from gantool.images import on_white
from gantool.metrics.memorisation import nearest_among
from gantool.metrics.neighbours import blocks, squares_between

LARGEST = 16
"""Pixels a side of a picture seen from afar."""

_NEAR = 0.4  # of the usual distance of a real picture from its nearest other
_LEAST = 4.0  # a third of a grey level a pixel at most: nobody sees it, and float32 can still tell it from none
_BLOCK = 2048


class Collisions(NamedTuple):
    """What n pictures have in common."""

    pairs: int
    """Near-identical pairs."""
    share: float
    """Of pictures that have a twin."""
    nearest: NDArray[np.int64]
    """The nearest other of each picture, int64 n."""
    distances: NDArray[np.float32]
    """How far it is, float32 n."""

    @property
    def support(self) -> float:
        """How many different pictures there are, by the birthday paradox: n(n − 1)/2C (Arora & Zhang 2017, "Do GANs
        Actually Learn the Distribution?"). Without a pair, at least as many as with one."""
        count = len(self.nearest)
        return count * (count - 1) / (2 * max(self.pairs, 1))


def seen_from_afar(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pictures averaged over squares of whole pixels, to at most 16 a side, as one row of grey levels each.

    Args:
        pixels: uint8 N×H×W×C, transparent ones premultiplied.

    Returns:
        float32 N×D, in [0, 255].
    """
    images = torch.from_numpy(on_white(pixels)).permute(0, 3, 1, 2).float()
    factor = math.ceil(max(images.shape[2:]) / LARGEST)
    small = F.avg_pool2d(images, factor, ceil_mode=True, count_include_pad=False)
    flat: NDArray[np.float32] = small.flatten(1).contiguous().numpy()
    return flat


def usual_scale(real: NDArray[np.float32]) -> float:
    """The distance below which two pictures are near-identical: 0.4 times the median distance of ``real`` pictures
    (float N×D in grey levels, as many as are compared) from their nearest others.

    Repetitions are left out: where half of the pictures have exact twins, the median is 0 and nothing is nearer. It is
    never below 4 grey levels over all pixels, lest exact repetitions escape where all real pictures are one.
    """
    distinct = np.unique(real, axis=0)
    if len(distinct) < 2:
        return _LEAST
    return max(_LEAST, _NEAR * float(np.median(nearest_among(distinct, distinct, 1, same=True).distances[:, 0])))


def collisions(pictures: NDArray[np.float32], scale: float) -> Collisions:
    """Compare all pictures with all others.

    Args:
        pictures: float n×D, n ≥ 2.
        scale: the distance below which two are near-identical.
    """
    near = nearest_among(pictures, pictures, 1, same=True)
    values = torch.from_numpy(pictures - pictures.mean(axis=0, dtype=np.float64).astype(np.float32))
    twice = 0  # every pair is seen from both sides
    for ours in blocks(len(values), _BLOCK):
        for theirs in blocks(len(values), _BLOCK):
            squares = squares_between(values[ours], values[theirs])
            if ours == theirs:
                squares.fill_diagonal_(torch.inf)
            twice += int((squares < scale**2).sum())
    return Collisions(twice // 2, float((near.distances[:, 0] < scale).mean()), near.rows[:, 0], near.distances[:, 0])
