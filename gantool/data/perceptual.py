"""What a picture looks like, in 256 bits: the same picture has almost the same bits after it was resized, recompressed,
brightened a little, or slightly cropped.

    picture → print: 32×32 colours (uint8, in the decoding processes; the same bytes everywhere)
    print → low frequencies of luma and chroma, a cosine transform over the whole picture or over a window of it
    frequencies → signs of 256 fixed random projections (Charikar 2002, "Similarity estimation techniques from rounding
    algorithms", section 3): two prints at angle θ differ in 256·θ/π bits on average

A picture that was cropped resembles a window of the picture it was cut from: so each picture has one hash of its whole
and one of each of its `WINDOWS`, and a crop's whole is looked for among the others' windows.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 32
PRINT_BYTES = SIDE * SIDE * 3
HASH_BITS = 256
HASH_BYTES = HASH_BITS // 8

Planes = tuple[NDArray[np.float32], ...]

CUTS: tuple[tuple[float, float], ...] = tuple((first, last) for first in (0, 0.035, 0.07) for last in (0, 0.035, 0.07))
"""What may be missing at the two ends of an axis, as shares of its length. A crop between two of them is found too."""

_EMPHASIS = 0.5
"""Coefficients weigh by frequency to this power: half-way from the picture's own 1/f towards white."""
_SCALES = (1.0, 0.5, 0.5)
"""Of luma and both chromas."""
_SEED = 0
_AT_ONCE = 4096
"""Windows whose coefficients lie in the processor's cache together."""
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


class Window(NamedTuple):
    """A part of a picture: what is cut off at each side, as shares of height and width."""

    top: float
    bottom: float
    left: float
    right: float


WINDOWS = tuple(Window(*rows, *columns) for rows in CUTS for columns in CUTS)
"""The whole picture first."""


def print_of(image: Image.Image) -> NDArray[np.uint8]:
    """The print of an upright, loaded picture of any 8-bit mode (or mode F with values from 0 to 255).

    Transparent pictures are laid on white.

    Returns:
        uint8 of length `PRINT_BYTES`: 32×32×3, flattened.
    """
    if image.mode in ("LA", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        sheet = Image.new("RGBA", image.size, "white")
        sheet.alpha_composite(image.convert("RGBA"))
        image = sheet
    elif image.mode in ("1", "P"):  # resampling these would mix indices
        image = image.convert("RGB")
    # Smaller first, colours after: of a large picture only a small one is converted. `reducing_gap` takes the quick
    # way down to twice the size; the rest is antialiased.
    small = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return np.frombuffer(small.convert("RGB").tobytes(), np.uint8)


def hashes(prints: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The hash of each whole picture: uint8 N×PRINT_BYTES → uint8 N×HASH_BYTES."""
    return _hashes(prints, CUTS[:1])[:, 0]


def window_hashes(prints: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The hashes of all `WINDOWS` of each picture: uint8 N×PRINT_BYTES → uint8 N×len(WINDOWS)×HASH_BYTES."""
    return _hashes(prints, CUTS)


def planes_of(prints: NDArray[np.uint8]) -> Planes:
    """The luma, and the blue and the red beyond it: uint8 N×PRINT_BYTES → float32 N×32×32 each."""
    block = colours(prints)
    luma = block @ _LUMA
    return luma, block[..., 2] - luma, block[..., 0] - luma


def changed_hashes(planes: Planes, rows: NDArray[np.float32], columns: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The hashes that prints would have after both axes were changed: N of `planes_of` → uint8 N×HASH_BYTES.

    Args:
        planes: of the prints as they are.
        rows: what changes the height: 32×32.
        columns: what changes the width: 32×32.
    """
    parts = []
    for plane, kept in zip(planes, _KEPT, strict=True):
        count, basis = len(kept), cosines(len(kept), *CUTS[0])
        both = (basis @ rows) @ (plane.reshape(-1, SIDE) @ (basis @ columns).T).reshape(len(plane), SIDE, count)
        parts.append(both.reshape(-1, count * count)[:, kept.reshape(-1)])
    return _signs(parts)


def colours(prints: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What prints show: float32 N×32×32×3 in [0, 255]."""
    return prints.reshape(-1, SIDE, SIDE, 3).astype(np.float32)


def mirrored(prints: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The prints of the pictures' mirror images."""
    return np.ascontiguousarray(prints.reshape(-1, SIDE, SIDE, 3)[:, :, ::-1]).reshape(prints.shape)


@functools.cache
def cosines(count: int, first: float, last: float) -> NDArray[np.float32]:
    """The first ``count`` functions of the cosine transform over a window of the axis: float32 count×SIDE.

    Args:
        count: frequencies, from 0.
        first: share of the axis that is cut off before the window.
        last: share of the axis that is cut off behind it.
    """
    edges = np.arange(SIDE) / SIDE
    inside = np.clip((np.minimum(edges + 1 / SIDE, 1 - last) - np.maximum(edges, first)) * SIDE, 0, 1)
    position = (edges + 0.5 / SIDE - first) / (1 - last - first)
    basis = np.cos(np.pi * np.arange(count)[:, None] * position) * inside
    basis[1:] -= inside * (basis[1:].sum(1, keepdims=True) / inside.sum())  # an even picture has no frequencies
    basis[0] /= np.sqrt(2)
    scale = np.sqrt(2 * SIDE) / ((1 - last - first) * SIDE)
    scaled: NDArray[np.float32] = (basis * scale).astype(np.float32)
    return scaled


@functools.cache
def emphasis(count: int, power: float) -> NDArray[np.float32]:
    """The weight of each of count×count frequencies: its length to ``power``, 1 for the mean."""
    length = np.hypot(*np.mgrid[0:count, 0:count])
    length[0, 0] = 1
    weight: NDArray[np.float32] = (length**power).astype(np.float32)
    return weight


def _hashes(prints: NDArray[np.uint8], cuts: tuple[tuple[float, float], ...]) -> NDArray[np.uint8]:
    """Hashes of the windows cuts×cuts: uint8 N×len(cuts)²×HASH_BYTES."""
    ways = len(cuts) ** 2
    found = np.empty((len(prints), ways, HASH_BYTES), np.uint8)
    step = max(1, _AT_ONCE // ways)
    for start in range(0, len(prints), step):
        planes = planes_of(prints[start : start + step])
        parts = [_coefficients(plane, cuts, kept) for plane, kept in zip(planes, _KEPT, strict=True)]
        found[start : start + step] = _signs(parts).reshape(-1, ways, HASH_BYTES)
    return found


def _signs(parts: list[NDArray[np.float32]]) -> NDArray[np.uint8]:
    """The hashes from the coefficients of luma and chromas: each N×kept → N×HASH_BYTES."""
    return np.packbits(np.concatenate(parts, axis=1) @ _projections() > 0, axis=1)


def _coefficients(
    plane: NDArray[np.float32], cuts: tuple[tuple[float, float], ...], kept: NDArray[np.bool]
) -> NDArray[np.float32]:
    """The ``kept`` ones of the lowest frequencies, of every window of N×32×32: (N·windows)×kept."""
    count = len(kept)
    basis = np.concatenate([cosines(count, *cut) for cut in cuts])
    both = basis @ (plane.reshape(-1, SIDE) @ basis.T).reshape(len(plane), SIDE, -1)
    by_window = both.reshape(-1, len(cuts), count, len(cuts), count).transpose(0, 1, 3, 2, 4)
    flat: NDArray[np.float32] = by_window.reshape(-1, count * count)[:, kept.reshape(-1)]
    return flat


def _low(count: int, *, mean: bool) -> NDArray[np.bool]:
    """Which of count×count frequencies are looked at: a triangle, for the highest mixed ones are mostly noise."""
    kept = np.add.outer(np.arange(count), np.arange(count)) <= count
    kept[0, 0] = mean
    return kept


_KEPT = (_low(8, mean=False), _low(4, mean=True), _low(4, mean=True))
"""Of luma and both chromas. The mean of the luma says nothing: brightness is no content."""


@functools.cache
def _projections() -> NDArray[np.float32]:
    """Random directions, with the weights of the frequencies in them: float32 kept×HASH_BITS."""
    weights = [scale * emphasis(len(kept), _EMPHASIS)[kept] for scale, kept in zip(_SCALES, _KEPT, strict=True)]
    weight = np.concatenate(weights)
    source = np.random.Generator(np.random.PCG64(_SEED))
    return (source.standard_normal((len(weight), HASH_BITS)) * weight[:, None]).astype(np.float32)
