"""Whether two prints show the same picture: the second look at what the hashes brought together.

Hashes of small, alike pictures (a thousand pairs of trousers) come close by themselves. So one print is laid over the
other at the best-fitting window, and two disagreements are added up: that of the low frequencies, which a copy keeps
however it was resized or recompressed, and that of the worst neighbourhood of pixels, for another picture of the same
kind differs somewhere.
"""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gantool.data.perceptual import SIDE, WINDOWS, colours, cosines, emphasis

Floats = NDArray[np.floating[Any]]

ANGLE_LIMIT = 0.05
"""1 - cosine of the angle between the whitened low frequencies that two copies may have at most."""
LOCAL_LIMIT = 18.0
"""Grey levels by which a neighbourhood of 4×4 of the 32×32 pixels may differ in one colour at most."""
RESAMPLED_LIMIT = 9.0
"""The same, of a picture that was resized as the other one may have been: little is left but what recompression does.
Of 30 million pairs of different garments one at most is below; of copies that JPEG wrote at quality 65, 99 % are."""
SHIFT_LIMIT = 30.0
"""Grey levels of brightness by which a copy may differ as a whole."""
GAIN_LIMITS = (0.75, 1.33)
"""Contrast that a copy may have, relative to its original."""
FLAT = 3.0
"""Deviation, in grey levels, below which a print shows nothing to recognise."""

_FREQUENCIES = 8
_NEIGHBOURHOOD = 4
_HOPELESS = 1.5
"""Times the angle's limit, before the window was fitted."""
_HOPELESS_LOCAL = 1.5
"""Times the local limit, while the change of contrast is only estimated: of 1,800 pairs of garments and digits within
the limit, the estimate set none further beyond it than 1.27 times."""
_ROUNDS = 2
_AT_ONCE = 128
_THREADS = 2
_KERNEL = ((-1, 0.25), (0, 0.5), (1, 0.25))
_STEPS = (0.0, 0.0175, 0.035, 0.0525, 0.07, 0.0875)
_CUTS = tuple((first, last) for first in _STEPS for last in _STEPS)
_POOL = np.kron(np.eye(SIDE // _NEIGHBOURHOOD), np.full((1, _NEIGHBOURHOOD), 1 / _NEIGHBOURHOOD)).astype(np.float32)
"""The means of neighbourhoods along an axis: 8×32."""
_BLUR = np.stack([weight * np.eye(SIDE)[np.clip(np.arange(SIDE) + step, 0, SIDE - 1)] for step, weight in _KERNEL]).sum(
    0, dtype=np.float32
)
"""The filter [1, 2, 1] along an axis: 32×32."""


def is_flat(prints: NDArray[np.uint8]) -> NDArray[np.bool]:
    """Which prints show too little to be recognised by: uint8 N×PRINT_BYTES → bool N."""
    found = np.empty(len(prints), np.bool)
    for start in range(0, len(prints), _AT_ONCE):
        values = colours(prints[start : start + _AT_ONCE]).reshape(-1, SIDE * SIDE, 3) - 128
        ones = np.ones((1, SIDE * SIDE), np.float32)
        squares = np.einsum("njj->nj", values.swapaxes(1, 2) @ values)  # quicker than sums
        variance = squares / SIDE**2 - ((ones @ values)[:, 0] / SIDE**2) ** 2
        found[start : start + _AT_ONCE] = variance.max(1) < FLAT**2
    return found


def same(
    prints: NDArray[np.uint8],
    owners: NDArray[np.int64],
    windows: NDArray[np.int64],
    others: NDArray[np.int64],
    of_others: NDArray[np.uint8] | None = None,
) -> NDArray[np.bool]:
    """Which pairs show the same picture.

    Args:
        prints: uint8 N×PRINT_BYTES.
        owners: int64 K, rows of ``prints``: the whole pictures.
        windows: int64 K, indices into `WINDOWS`: the parts of them that resemble the others.
        others: int64 K, rows of ``of_others``.
        of_others: uint8 M×PRINT_BYTES; None for ``prints`` again.

    Returns:
        bool K.
    """
    of_others = prints if of_others is None else of_others

    def look(start: int) -> NDArray[np.bool]:
        here = slice(start, start + _AT_ONCE)
        whole, part = _planes(prints[owners[here]]), _planes(of_others[others[here]])
        wanted = _directions(_frequencies(part))
        found = _angles_at(whole, wanted, windows[here]) <= _HOPELESS * ANGLE_LIMIT
        if len(hopeful := np.flatnonzero(found)):
            found[hopeful] = _agree(whole[hopeful], part[hopeful], wanted[hopeful], windows[here][hopeful])
        return found

    starts = range(0, len(owners), _AT_ONCE)
    if len(starts) <= _THREADS:
        return np.concatenate([np.empty(0, np.bool), *map(look, starts)])
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="sameness") as threads:
        return np.concatenate(list(threads.map(look, starts)))


def same_resampled(
    prints: NDArray[np.uint8], owners: NDArray[np.int64], others: NDArray[np.int64], rows: Floats, columns: Floats
) -> NDArray[np.bool]:
    """Which others are what the owners become when their axes are changed.

    Args:
        prints: uint8 N×PRINT_BYTES.
        owners: int64 K, rows of ``prints``.
        others: int64 K, rows of ``prints``.
        rows: what changes the height: 32×32.
        columns: what changes the width: 32×32.

    Returns:
        bool K.
    """
    found = np.zeros(len(owners), np.bool)
    for start in range(0, len(owners), _AT_ONCE):
        here = slice(start, start + _AT_ONCE)
        changed = rows @ _planes(prints[owners[here]]) @ columns.T
        part = _planes(prints[others[here]])
        shift = np.abs(changed.mean((1, 2, 3)) - part.mean((1, 2, 3)))
        found[here] = (_local_difference(changed, part) <= RESAMPLED_LIMIT) & (shift <= SHIFT_LIMIT)
    return found


def _planes(prints: NDArray[np.uint8]) -> Floats:
    """Colours as N×3×32×32."""
    return np.ascontiguousarray(np.moveaxis(colours(prints), -1, 1))


def _angles_at(whole: Floats, wanted: Floats, windows: NDArray[np.int64]) -> Floats:
    """The angle between the given window of each whole and what is wanted, of `_directions`: N."""
    rows, columns = (axis[windows] for axis in _nearest_cuts())
    bases = _bases()
    there: Floats = bases[rows][:, None] @ whole @ bases[columns][:, None].swapaxes(-1, -2)
    found: Floats = 1 - (_directions(there) * wanted).sum((1, 2, 3))
    return found


def _agree(whole: Floats, part: Floats, wanted: Floats, windows: NDArray[np.int64]) -> NDArray[np.bool]:
    """Fit the window of ``whole`` to ``part``, one axis after the other, and compare there."""
    rows, columns = (axis[windows] for axis in _nearest_cuts())
    turned, wanted_turned = whole.swapaxes(-1, -2), wanted.swapaxes(-1, -2)
    angles = np.empty(len(whole), np.float32)
    moved = np.arange(len(whole))  # whose columns are others than when its rows were fitted
    for _ in range(_ROUNDS):
        before = columns[moved]
        rows[moved] = _angles(whole[moved], columns[moved], wanted[moved]).argmin(1)
        by_columns = _angles(turned[moved], rows[moved], wanted_turned[moved])
        columns[moved], angles[moved] = by_columns.argmin(1), by_columns.min(1)
        moved = moved[columns[moved] != before]
        if not len(moved):
            break
    agree = np.zeros(len(whole), np.bool)
    alike = np.flatnonzero(angles <= ANGLE_LIMIT)
    if len(alike):
        alike = alike[_hopeful(whole[alike], part[alike], rows[alike], columns[alike])]
    if len(alike):
        difference, shift = _differences(whole[alike], part[alike], rows[alike], columns[alike])
        agree[alike] = (angles[alike] / ANGLE_LIMIT + difference / LOCAL_LIMIT <= 1) & (shift <= SHIFT_LIMIT)
    return agree


def _hopeful(whole: Floats, part: Floats, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.bool]:
    """Which pairs may be near enough by `_differences`, by what costs a fifth: N.

    Neighbourhoods alone are compared. Of the exact comparison only the change of contrast is left out, which is
    estimated from them; so what differs by half more than the limit has no hope.
    """
    cut = _resamplers()
    other = _POOL @ part @ _POOL.T
    window, blurred = (
        pooled[rows][:, None] @ whole @ pooled[columns][:, None].swapaxes(-1, -2) for pooled in cut.pooled
    )
    pairs = ((window, other), (blurred, other), (window, _POOL @ _BLUR @ part @ (_POOL @ _BLUR).T))
    difference = np.minimum.reduce([_most(_left(*pair)) for pair in pairs])
    hopeful: NDArray[np.bool] = difference <= _HOPELESS_LOCAL * LOCAL_LIMIT
    return hopeful


def _differences(
    whole: Floats, part: Floats, rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """The local difference of ``part`` and the window of ``whole``, and that of brightness: N each.

    A copy may have lost sharpness: the better of both as they are, and either of them blurred, counts.
    """
    sharp, soft = _resamplers().full
    window: Floats = sharp[rows][:, None] @ whole @ sharp[columns][:, None].swapaxes(-1, -2)
    blurred: Floats = soft[rows][:, None] @ whole @ soft[columns][:, None].swapaxes(-1, -2)
    pairs = ((window, part), (blurred, part), (window, _BLUR @ part @ _BLUR.T))
    return (
        np.minimum.reduce([_local_difference(*pair) for pair in pairs]),
        np.abs(window.mean((1, 2, 3)) - part.mean((1, 2, 3))),
    )


def _local_difference(one: Floats, other: Floats) -> Floats:
    """The mean difference of the neighbourhood where N×3×32×32 differ most, after one change of contrast: N."""
    worst: Floats = _most(_POOL @ _left(one, other) @ _POOL.T)
    return worst


def _left(one: Floats, other: Floats) -> Floats:
    """What ``other`` has beyond ``one``, after one change of brightness and contrast: N×3×rows×columns."""
    a, b = (planes - planes.mean((1, 2, 3), keepdims=True) for planes in (one, other))
    gain = np.einsum("ncij,ncij->n", a, b) / np.maximum(np.einsum("ncij,ncij->n", a, a), 1e-9)
    a *= np.clip(gain, *GAIN_LIMITS)[:, None, None, None]
    left: Floats = b - a
    return left


def _most(planes: Floats) -> Floats:
    """The largest value, by its size: N."""
    worst: Floats = np.abs(planes).reshape(len(planes), -1).max(1)
    return worst


def _directions(coefficients: Floats) -> Floats:
    """Low frequencies, whitened, without the mean over all colours, as a vector of length 1: N×3×8×8 → the same."""
    found = _without_mean(coefficients) * emphasis(_FREQUENCIES, 1.0)
    lengths = np.sqrt(np.einsum("ncij,ncij->n", found, found))
    found /= np.maximum(lengths, 1e-9)[:, None, None, None]
    return found


def _frequencies(planes: Floats) -> Floats:
    """The low frequencies of whole prints: N×3×32×32 → N×3×8×8."""
    basis = cosines(_FREQUENCIES, 0.0, 0.0)
    found: Floats = basis @ planes @ basis.T
    return found


def _angles(whole: Floats, columns: NDArray[np.int64], wanted: Floats) -> Floats:
    """1 - cosine between what is wanted and the whole cut at each of `_CUTS` along the rows: N×cuts.

    Args:
        whole: N×3×32×32.
        columns: which of `_CUTS` it is cut at along the columns: N.
        wanted: N×3×8×8, of `_directions`.
    """
    bases, weight = _bases(), emphasis(_FREQUENCIES, 1.0)
    there: Floats = whole @ bases[columns][:, None].swapaxes(-1, -2)  # N×3×32×8
    along = np.ascontiguousarray(there.transpose(2, 0, 1, 3)).reshape(SIDE, -1)
    every = (bases.reshape(-1, SIDE) @ along).reshape(len(bases), _FREQUENCIES, len(whole), -1)  # cuts×8×N×24
    means = every[:, 0].reshape(len(bases), len(whole), 3, -1)[..., 0].mean(2)
    every *= every
    squares = (every @ np.tile(weight**2, 3)[:, :, None]).sum(1)[..., 0] - 3 * means**2
    # The scalar products need no more than what the bases are multiplied with.
    weighted = (wanted * weight).transpose(0, 2, 1, 3).reshape(len(whole), _FREQUENCIES, -1)
    products = (weighted @ there.swapaxes(2, 3).reshape(len(whole), -1, SIDE)).reshape(len(whole), -1)
    angles: Floats = 1 - products @ bases.reshape(len(bases), -1).T / np.sqrt(np.maximum(squares, 1e-9)).T
    return angles


def _without_mean(coefficients: Floats) -> Floats:
    """Without what is common to the means of the three colours: brightness is no content, tint is."""
    found = coefficients.copy()
    found[..., 0, 0] -= found[..., 0, 0].mean(1, keepdims=True)
    return found


@functools.cache
def _bases() -> Floats:
    """The cosine transform over each of `_CUTS`: cuts×8×32."""
    return np.stack([cosines(_FREQUENCIES, *cut) for cut in _CUTS])


class _Resamplers(NamedTuple):
    """What brings each of `_CUTS` back by averaging areas, and what blurs the outcome too."""

    full: tuple[Floats, Floats]
    """To 32 pixels: cuts×32×32."""
    pooled: tuple[Floats, Floats]
    """To the means of 8 neighbourhoods: cuts×8×32."""


@functools.cache
def _resamplers() -> _Resamplers:
    sharp = np.stack([_resampler(*cut) for cut in _CUTS]).astype(np.float32)
    soft = _BLUR @ sharp
    return _Resamplers((sharp, soft), (_POOL @ sharp, _POOL @ soft))


def _resampler(first: float, last: float) -> NDArray[np.float64]:
    edges = first + (1 - first - last) * np.arange(SIDE + 1) / SIDE
    pixels = np.arange(SIDE) / SIDE
    covered = np.minimum(pixels + 1 / SIDE, edges[1:, None]) - np.maximum(pixels, edges[:-1, None])
    shares: NDArray[np.float64] = np.clip(covered, 0, None) * SIDE / (1 - first - last)
    return shares


@functools.cache
def _nearest_cuts() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each of `WINDOWS`, which of `_CUTS` its rows and its columns are."""
    rows = [_CUTS.index((window.top, window.bottom)) for window in WINDOWS]
    columns = [_CUTS.index((window.left, window.right)) for window in WINDOWS]
    return np.array(rows), np.array(columns)
