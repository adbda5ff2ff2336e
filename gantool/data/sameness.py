"""Whether two prints show the same picture: the second look at what the hashes brought together.

Hashes of small, alike pictures (a thousand pairs of trousers) come close by themselves. So one print is laid over the
other at the best-fitting window, and two disagreements are added up: that of the low frequencies, which a copy keeps
however it was resized or recompressed, and that of the worst neighbourhood of pixels, for another picture of the same
kind differs somewhere.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantool.data.perceptual import SIDE, WINDOWS, colours, cosines, emphasis

Floats = NDArray[np.floating[Any]]

ANGLE_LIMIT = 0.05
"""1 - cosine of the angle between the whitened low frequencies that two copies may have at most."""
LOCAL_LIMIT = 18.0
"""Grey levels by which a neighbourhood of 4×4 of the 32×32 pixels may differ in one colour at most."""
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
_ROUNDS = 2
_AT_ONCE = 256
_STEPS = (0.0, 0.0175, 0.035, 0.0525, 0.07, 0.0875)
_CUTS = tuple((first, last) for first in _STEPS for last in _STEPS)


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
    found = np.zeros(len(owners), np.bool)
    of_others = prints if of_others is None else of_others
    for start in range(0, len(owners), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        whole, part = _planes(prints[owners[rows]]), _planes(of_others[others[rows]])
        hopeful = np.flatnonzero(_angles_at(whole, part, windows[rows]) <= _HOPELESS * ANGLE_LIMIT)
        if len(hopeful):
            found[start + hopeful] = _agree(whole[hopeful], part[hopeful], windows[rows][hopeful])
    return found


def _planes(prints: NDArray[np.uint8]) -> Floats:
    """Colours as N×3×32×32."""
    return np.ascontiguousarray(np.moveaxis(colours(prints), -1, 1))


def _angles_at(whole: Floats, part: Floats, windows: NDArray[np.int64]) -> Floats:
    rows, columns = (axis[windows] for axis in _nearest_cuts())
    bases = _bases()
    transformed: Floats = bases[rows][:, None] @ whole @ bases[columns][:, None].swapaxes(-1, -2)
    return _angles(transformed[:, :, None], _frequencies(part))[:, 0]


def _agree(whole: Floats, part: Floats, windows: NDArray[np.int64]) -> NDArray[np.bool]:
    """Fit the window of ``whole`` to ``part``, one axis after the other, and compare there."""
    rows, columns = (axis[windows] for axis in _nearest_cuts())
    wanted, bases = _frequencies(part), _bases()
    every = bases.reshape(-1, SIDE)  # (cuts·frequencies)×32
    angles = np.empty(0, np.float32)
    for _ in range(_ROUNDS):
        by_rows: Floats = (every @ whole) @ bases[columns][:, None].swapaxes(-1, -2)
        rows = _angles(by_rows.reshape(len(whole), 3, len(bases), _FREQUENCIES, -1), wanted).argmin(1)
        by_columns: Floats = (every @ whole.swapaxes(-1, -2)) @ bases[rows][:, None].swapaxes(-1, -2)
        turned = by_columns.reshape(len(whole), 3, len(bases), _FREQUENCIES, -1).swapaxes(-1, -2)
        angles = _angles(turned, wanted)
        columns = angles.argmin(1)
    resample = _resamplers()
    window: Floats = resample[rows][:, None] @ whole @ resample[columns][:, None].swapaxes(-1, -2)
    pairs = ((window, part), (_blurred(window), part), (window, _blurred(part)))  # a copy may have lost sharpness
    difference = np.minimum.reduce([_local_difference(*pair) for pair in pairs])
    shift = np.abs(window.mean((1, 2, 3)) - part.mean((1, 2, 3)))
    agree: NDArray[np.bool] = (angles.min(1) / ANGLE_LIMIT + difference / LOCAL_LIMIT <= 1) & (shift <= SHIFT_LIMIT)
    return agree


def _local_difference(one: Floats, other: Floats) -> Floats:
    """The mean difference of the neighbourhood where N×3×32×32 differ most, after one change of contrast: N."""
    a, b = (planes - planes.mean((1, 2, 3), keepdims=True) for planes in (one, other))
    gain = (a * b).sum((1, 2, 3)) / np.maximum((a * a).sum((1, 2, 3)), 1e-9)
    left = b - a * np.clip(gain, *GAIN_LIMITS)[:, None, None, None]
    cells = SIDE // _NEIGHBOURHOOD
    local = np.abs(left.reshape(-1, 3, cells, _NEIGHBOURHOOD, cells, _NEIGHBOURHOOD).mean((3, 5)))
    worst: Floats = local.max((1, 2, 3))
    return worst


def _blurred(planes: Floats) -> Floats:
    """N×3×32×32 through the filter [1, 2, 1] along both axes."""
    for axis in (2, 3):
        padded = np.pad(planes, [(1, 1) if number == axis else (0, 0) for number in range(4)], mode="edge")
        before, middle, after = (np.take(padded, np.arange(start, start + SIDE), axis) for start in range(3))
        planes = (before + 2 * middle + after) / 4
    return planes


def _frequencies(planes: Floats) -> Floats:
    """The low frequencies of whole prints: N×3×32×32 → N×3×8×8."""
    basis = cosines(_FREQUENCIES, 0.0, 0.0)
    found: Floats = basis @ planes @ basis.T
    return found


def _angles(many: Floats, wanted: Floats) -> Floats:
    """1 - cosine between each of N×3×W×8×8 and its N×3×8×8, whitened, the mean over all colours left out: N×W."""
    weight = emphasis(_FREQUENCIES, 1.0)
    count, ways = many.shape[0], many.shape[2]
    a = (_without_mean(many) * weight).swapaxes(1, 2).reshape(count, ways, -1)
    b = (_without_mean(wanted[:, :, None]) * weight).reshape(count, -1, 1)
    lengths = np.linalg.norm(a, axis=2) * np.linalg.norm(b, axis=1)
    angles: Floats = 1 - (a @ b)[:, :, 0] / np.maximum(lengths, 1e-9)
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


@functools.cache
def _resamplers() -> Floats:
    """What brings each of `_CUTS` back to 32 pixels by averaging areas: cuts×32×32."""
    return np.stack([_resampler(*cut) for cut in _CUTS]).astype(np.float32)


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
