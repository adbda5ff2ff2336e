"""What a small picture becomes when it is resized without antialiasing, told from its print alone.

Resizing 28 pixels to 38 by copying the nearest ones takes some columns twice and others once: the picture's parts move
by up to half a pixel, which is much of a small picture. Such a copy is no nearer to its original than another shirt is.
But what has been done to it can be done to the original too, for there are few ways and the two sizes are known:

    print → picture at its own size → resized → print

Each step is linear and treats one axis after the other, so one matrix of 32×32 for each axis does it all.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
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

_FEW = 32
"""Prints that are changed while one pair of sizes is set up."""
_SHARPENING = 1e-3
"""Keeps what the print has lost from being made up (Tikhonov). A print of up to 32 pixels a side has lost nothing."""


class Change(NamedTuple):
    """What one of `WAYS` does to the two axes of a print, each 32×32."""

    rows: Floats
    columns: Floats


class Copies(NamedTuple):
    """Pictures of one size, and what those of another size went through if they became some of these."""

    pictures: NDArray[np.int64]
    changes: tuple[Change, ...]


def resizings(sizes: NDArray[np.int64], most: int) -> Iterator[tuple[NDArray[np.int64], list[Copies]]]:
    """The small pictures of each size, with all others that they may have become.

    Args:
        sizes: height and width of each picture: N×2.
        most: prints to be changed in all; where it is too little, what became of sizes that few pictures have is left
            out.
    """
    small = np.flatnonzero(((sizes > 0) & (sizes <= LARGEST)).all(1))
    kinds, number, counts = np.unique(sizes[small], axis=0, return_inverse=True, return_counts=True)
    members = np.split(small[np.argsort(number, kind="stable")], np.cumsum(counts)[:-1])
    frequent = np.argsort(-counts, kind="stable")
    work = np.cumsum(len(small) - counts[frequent] + len(kinds) * _FEW) * len(WAYS)
    taken = frequent[: np.searchsorted(work, most, side="right")].tolist()
    for before, size in enumerate(kinds.tolist()):
        yield (
            members[before],
            [Copies(members[after], _changes(size, kinds[after])) for after in taken if after != before],
        )


def _changes(before: Sequence[int], after: Sequence[int]) -> tuple[Change, ...]:
    (height, width), (to_height, to_width) = before, after
    return tuple(Change(change(height, int(to_height), way), change(width, int(to_width), way)) for way in WAYS)


@functools.cache
def change(before: int, after: int, way: str) -> Floats:
    """What makes of a print's axis, once of ``before`` pixels, that of the copy with ``after`` pixels: 32×32."""
    made: Floats = (_print_of_axis(after) @ _resize(before, after, way) @ _axis_of_print(before)).astype(np.float32)
    return made


@functools.cache
def _print_of_axis(count: int) -> NDArray[np.float64]:
    """What `perceptual.print_of` does to an axis of ``count`` pixels: 32×count."""
    return _by_pillow(count, SIDE, Image.Resampling.BILINEAR)


@functools.cache
def _axis_of_print(count: int) -> NDArray[np.float64]:
    """The way back from a print: count×32."""
    seen = _print_of_axis(count)
    normal = seen.T @ seen + _SHARPENING * np.eye(count)
    return np.asarray(np.linalg.solve(normal, seen.T), np.float64)


def _resize(before: int, after: int, way: str) -> NDArray[np.float64]:
    if way == "floor":
        return np.eye(before)[np.arange(after) * before // after]
    return _by_pillow(before, after, Image.Resampling[way.upper()])


def _by_pillow(before: int, after: int, how: Image.Resampling) -> NDArray[np.float64]:
    """A filter as a matrix, by resizing the unit matrix: after×before."""
    unit = Image.fromarray(np.eye(before, dtype=np.float32))
    return np.asarray(unit.resize((before, after), how), np.float64)
