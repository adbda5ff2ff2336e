"""What a small picture becomes when it is resized without antialiasing, told from its print alone.

Resizing 28 pixels to 38 by copying the nearest ones takes some columns twice and others once: the picture's parts move
by up to half a pixel, which is much of a small picture. Such a copy is no nearer to its original than another shirt is.
But what has been done to it can be done to the original too, for there are few ways and the two sizes are known:

    print → picture at its own size → resized → print

Each step is linear and treats one axis after the other, so one matrix of 32×32 for each axis does it all.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gantool.data.perceptual import SIDE

Floats = NDArray[np.float32]

LARGEST = 64
"""Pixels of a side. In larger pictures, half a pixel is too little to be seen in a print."""
WAYS = ("box", "nearest", "floor")
"""Pillow's box filter, its nearest pixels by their centres, and by their corners as OpenCV and PyTorch take them."""

_SHARPENING = 1e-3
"""Keeps what the print has lost from being made up (Tikhonov). A print of up to 32 pixels a side has lost nothing."""


class Resized(NamedTuple):
    """Small pictures of one size, and those of another that they may have become."""

    originals: NDArray[np.int64]
    copies: NDArray[np.int64]
    rows: tuple[Floats, ...]
    """What does to the height of a print what each of `WAYS` did: 32×32."""
    columns: tuple[Floats, ...]
    """The same of the width."""


def resizings(sizes: NDArray[np.int64], most: int) -> Iterator[Resized]:
    """Every pair of sizes, those first that have the most possible copies.

    Args:
        sizes: height and width of each picture: N×2.
        most: prints to be made in all. When they are spent, no more pairs of sizes follow.
    """
    small = np.flatnonzero((sizes <= LARGEST).all(1) & (sizes > 0).all(1))
    kinds, number = np.unique(sizes[small], axis=0, return_inverse=True)
    members = [small[number == kind] for kind in range(len(kinds))]
    left = most
    for after in sorted(range(len(kinds)), key=lambda kind: -len(members[kind])):
        for before in range(len(kinds)):
            left -= len(members[before]) * len(WAYS) * (before != after)
            if left < 0:
                return
            if before != after:
                (height, width), (to_height, to_width) = kinds[before].tolist(), kinds[after].tolist()
                rows = tuple(change(height, to_height, way) for way in WAYS)
                columns = tuple(change(width, to_width, way) for way in WAYS)
                yield Resized(members[before], members[after], rows, columns)


@functools.cache
def change(before: int, after: int, way: str) -> Floats:
    """What makes of a print's axis, once of ``before`` pixels, that of the copy with ``after`` pixels: 32×32."""
    seen, copied = _print_of_axis(before), _resize(before, after, way)
    own = np.linalg.solve(seen.T @ seen + _SHARPENING * np.eye(before), seen.T)
    made: Floats = (_print_of_axis(after) @ copied @ own).astype(np.float32)
    return made


def _print_of_axis(count: int) -> NDArray[np.float64]:
    """What `perceptual.print_of` does to an axis of ``count`` pixels: 32×count."""
    return _by_pillow(count, SIDE, Image.Resampling.BILINEAR)


def _resize(before: int, after: int, way: str) -> NDArray[np.float64]:
    if way == "floor":
        return np.eye(before)[np.arange(after) * before // after]
    return _by_pillow(before, after, Image.Resampling[way.upper()])


def _by_pillow(before: int, after: int, how: Image.Resampling) -> NDArray[np.float64]:
    """A filter as a matrix, by resizing the unit matrix: after×before."""
    unit = Image.fromarray(np.eye(before, dtype=np.float32))
    return np.asarray(unit.resize((before, after), how), np.float64)
