"""Which whole pictures come within `hamming.RADIUS` of windows of other pictures, exactly.

The task of `hamming.pairs_between` where one side has 80 times as many hashes as the other. A hash is cut into
`RADIUS` + 1 blocks of 18 or 19 bits: two hashes that differ in at most `RADIUS` bits have at least one block in common,
for each differing bit spoils one block only. So every window is looked up in 14 small tables, where pairs of blocks
would need 105. One block meets more strangers than two, which costs little among ten thousand pictures; where they are
so alike that it costs much, pairs of blocks are taken after all.
"""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gantool.data.hamming import RADIUS, pairs_between

_EDGES = np.linspace(0, 256, RADIUS + 2).round().astype(int).tolist()
_MOST_MEETINGS = 60
"""Wholes that a window may meet, all blocks together, before pairs of blocks are the cheaper way."""
_CHUNK = 1 << 16
_AT_ONCE = 1 << 18
"""Meetings that are looked at together."""
_THREADS = 2
"""Looking up leaves the interpreter free."""


def pairs_with_windows(hashes: NDArray[np.uint8], windows: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Every whole and every window of another picture that differ in at most `RADIUS` bits.

    Args:
        hashes: uint8 N×32, of whole pictures, N at most 65,535.
        windows: uint8 N×W×32, of windows of each of these pictures.

    Returns:
        int64 K×4, sorted: the row of the whole, the row and the number of the window, the distance.
    """
    if not len(hashes):
        return np.empty((0, 4), np.int64)
    flat = windows.reshape(-1, windows.shape[2])
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="windows") as threads:
        tables = [_Table.of(hashes, *block) for block in _blocks()]
        meetings = sum(threads.map(lambda table: table.meetings(flat), tables))
        if meetings > _MOST_MEETINGS * len(flat):
            met = pairs_between(hashes, flat)
        else:
            search = _Search(hashes, flat, windows.shape[1])
            met = np.concatenate(list(threads.map(search.met, tables)))
            met = met[np.unique(met[:, 0] * len(flat) + met[:, 1], return_index=True)[1]]
    rows, numbers = np.divmod(met[:, 1], windows.shape[1])
    found: NDArray[np.int64] = np.stack([met[:, 0], rows, numbers, met[:, 2]], axis=1)
    others: NDArray[np.bool] = rows != met[:, 0]
    return found[others]


class _Table(NamedTuple):
    """Wholes by the value of one block."""

    first: int
    last: int
    counts: NDArray[np.uint16]
    """How many have each value."""
    begins: NDArray[np.int32]
    """Where those of each value begin in ``rows``."""
    rows: NDArray[np.int32]

    @classmethod
    def of(cls, hashes: NDArray[np.uint8], first: int, last: int) -> _Table:
        values = _values(hashes, first, last)
        counts = np.bincount(values, minlength=1 << (last - first))
        begins = np.cumsum(counts) - counts
        rows = np.argsort(values, kind="stable")
        return cls(first, last, counts.astype(np.uint16), begins.astype(np.int32), rows.astype(np.int32))

    def meetings(self, windows: NDArray[np.uint8]) -> int:
        """How many pairs of a whole and a window have this block in common."""
        return int(self.counts[_values(windows, self.first, self.last)].sum(dtype=np.int64))


class _Search:
    """What is compared: wholes and windows as four words of 64 bits."""

    def __init__(self, hashes: NDArray[np.uint8], windows: NDArray[np.uint8], each: int) -> None:
        self._windows = windows
        self._owners = np.repeat(np.arange(len(hashes), dtype=np.int32), each)
        self._wholes = np.ascontiguousarray(hashes).view(np.uint64)
        self._words = np.ascontiguousarray(windows).view(np.uint64)

    def met(self, table: _Table) -> NDArray[np.int64]:
        """Those within the radius that have one block in common: K×3, the whole, the window, the distance."""
        found = [np.empty((0, 3), np.int64)]
        for start in range(0, len(self._windows), _CHUNK):
            values = _values(self._windows[start : start + _CHUNK], table.first, table.last)
            guests = np.flatnonzero(table.counts[values])
            together = np.cumsum(table.counts[values[guests]], dtype=np.int64)
            cuts = np.searchsorted(together, np.arange(_AT_ONCE, together.max(initial=0), _AT_ONCE))
            found += [self._compared(table, values[some], some, start) for some in np.split(guests, cuts)]
        return np.concatenate(found)

    def _compared(
        self, table: _Table, values: NDArray[np.uint32], guests: NDArray[np.int64], start: int
    ) -> NDArray[np.int64]:
        """Of some windows, numbered from ``start``, that all meet somebody."""
        counts = table.counts[values].astype(np.int64)
        before = np.cumsum(counts) - counts
        rows = table.rows[np.arange(counts.sum()) + np.repeat(table.begins[values] - before, counts)]
        guests = np.repeat(guests + start, counts)
        # Most that meet are a picture and its own windows, or strangers: one word of four tells these.
        kept = self._owners[guests] != rows
        rows, guests = rows[kept], guests[kept]
        near = np.bitwise_count(self._wholes[rows, 0] ^ self._words[guests, 0]) <= RADIUS
        rows, guests = rows[near], guests[near]
        distances = np.bitwise_count(self._wholes[rows] ^ self._words[guests]).sum(1, dtype=np.int64)
        close = distances <= RADIUS
        return np.stack([rows[close], guests[close], distances[close]], axis=1, dtype=np.int64)


def _blocks() -> list[tuple[int, int]]:
    return list(itertools.pairwise(_EDGES))


def _values(hashes: NDArray[np.uint8], first: int, last: int) -> NDArray[np.uint32]:
    """The bits from ``first`` to ``last``, in the order of a little-endian number."""
    start = min(first // 8, hashes.shape[1] - 4)
    four: NDArray[np.uint32] = np.ndarray(len(hashes), "<u4", hashes, start, (hashes.strides[0],))
    return (four >> np.uint32(first - 8 * start)) & np.uint32((1 << (last - first)) - 1)
