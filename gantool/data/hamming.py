"""All pairs of 256-bit hashes within a radius, exactly, without comparing every pair.

Each hash is cut into `RADIUS` + 2 blocks. Two hashes that differ in at most `RADIUS` bits have at least two blocks in
common, for each differing bit spoils one block only (the pigeonhole principle, as in Norouzi et al. 2012, "Fast search
in Hamming space with multi-index hashing", with pairs of blocks in place of single ones). So for every pair of blocks
the hashes are sorted by these two, and only neighbours of equal value are compared bit by bit. A pair of blocks has
about 34 bits: hardly anything but near duplicates meets there, and the work grows little faster than the number of
hashes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

RADIUS = 13
"""Bits of 256."""

ROWS_LIMIT = 1 << 24
"""So many hashes can be searched: a row's number and two blocks share 64 bits."""

_BLOCKS = RADIUS + 2
_ROW_BITS = np.uint64(24)
_BLOCK_BITS = np.uint64(20)
_MOST_IN_A_RUN = 512
"""Of so many equal hashes each is paired with the next ones only. Thousands of frames of one picture would be millions
of pairs; these hang together all the same."""
_FEW = 1 << 22
"""Pairs: so many are compared sooner than hashes are sorted."""
_TABLE_BITS = 22
_CHUNK = 1 << 16
_NONE = np.empty(0, np.int64)
_THREADS = 2
"""Sorting leaves the interpreter free; each thread holds one sorted copy of the keys."""


def pairs_within(hashes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Every pair of hashes that differ in at most `RADIUS` bits; of more than 512 in one place, enough to connect them.

    Args:
        hashes: uint8 N×32, N at most `ROWS_LIMIT`.

    Returns:
        int64 K×3, sorted: the earlier row, the later row, the distance.
    """
    found = _by_pair_of_blocks(hashes, hashes, _met_within)
    found[:, :2] = np.sort(found[:, :2], axis=1)
    return found[np.lexsort(found.T[::-1])]


def pairs_between(hashes: NDArray[np.uint8], others: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Every pair of a row of ``hashes`` and a row of ``others`` that differ in at most `RADIUS` bits.

    Args:
        hashes: uint8 N×32, N at most `ROWS_LIMIT`.
        others: uint8 M×32, usually many more.

    Returns:
        int64 K×3, sorted: the row of ``hashes``, the row of ``others``, the distance.
    """
    if len(hashes) * len(others) <= _FEW:
        return _of_few(hashes, others)
    found = _by_pair_of_blocks(hashes, others, _met_between)
    return found[np.lexsort(found.T[::-1])]


def _of_few(hashes: NDArray[np.uint8], others: NDArray[np.uint8]) -> NDArray[np.int64]:
    """What `pairs_between` gives, by comparing every pair."""
    first, second = (np.ascontiguousarray(many).view(np.uint64) for many in (hashes, others))
    step, found = max(1, _CHUNK // max(1, len(second))), [np.empty((0, 3), np.int64)]
    for start in range(0, len(first), step):
        block = first[start : start + step, None]
        distances = np.zeros((len(block), len(second)), np.uint16)
        for word in range(first.shape[1]):
            distances += np.bitwise_count(block[..., word] ^ second[:, word])
        rows, columns = np.nonzero(distances <= RADIUS)
        found.append(np.stack([rows + start, columns, distances[rows, columns].astype(np.int64)], axis=1))
    return np.concatenate(found)


Rows = tuple[NDArray[np.int64], NDArray[np.int64]]
Blocks = NDArray[np.uint32]


def _by_pair_of_blocks(
    hashes: NDArray[np.uint8], others: NDArray[np.uint8], meet: Callable[[Blocks, Blocks, tuple[int, int]], Rows]
) -> NDArray[np.int64]:
    """What `_compared` leaves of those that ``meet`` brings together, over every pair of blocks."""
    if len(hashes) > ROWS_LIMIT:
        raise ValueError(f"{len(hashes)} hashes; {ROWS_LIMIT} can be searched at once")
    first = _Cut(hashes)
    second = first if others is hashes else _Cut(others)

    def search(pair: tuple[int, int]) -> NDArray[np.int64]:
        return _compared(first, second, meet(first.blocks, second.blocks, pair), pair[1])

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="hamming") as threads:
        return np.concatenate(list(threads.map(search, itertools.combinations(range(_BLOCKS), 2))))


class _Cut:
    """Hashes as four words of 64 bits, and as `_BLOCKS` numbers of at most 20: uint64 4×N and uint32 _BLOCKS×N."""

    def __init__(self, hashes: NDArray[np.uint8]) -> None:
        self.words = np.ascontiguousarray(np.ascontiguousarray(hashes).view(np.uint64).T)
        self.blocks: Blocks = np.empty((_BLOCKS, len(hashes)), np.uint32)
        edges = np.linspace(0, hashes.shape[1] * 8, _BLOCKS + 1).round().astype(int)
        values = np.zeros((hashes.shape[1] * 8, _BLOCKS), np.float32)  # of each bit in its block
        for number, (low, high) in enumerate(itertools.pairwise(edges)):
            values[low:high, number] = np.float32(2) ** np.arange(high - low)
        for start in range(0, len(hashes), _CHUNK):
            bits = np.unpackbits(hashes[start : start + _CHUNK], axis=1).astype(np.float32)
            self.blocks[:, start : start + _CHUNK] = (bits @ values).T  # sums of powers below 2^24: exact


def _sorted_keys(blocks: Blocks, pair: tuple[int, int]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The values of two blocks as one number, ascending, and the row of each."""
    keys = _keys(blocks[pair[0]], blocks[pair[1]])
    keys <<= _ROW_BITS
    keys |= np.arange(len(keys), dtype=np.uint64)
    keys.sort()
    rows = (keys & np.uint64(ROWS_LIMIT - 1)).astype(np.int64)
    keys >>= _ROW_BITS
    return keys, rows


def _keys(first: NDArray[np.uint32], second: NDArray[np.uint32]) -> NDArray[np.uint64]:
    keys = first.astype(np.uint64)
    keys <<= _BLOCK_BITS
    keys |= second
    return keys


def _met_within(blocks: Blocks, _: Blocks, pair: tuple[int, int]) -> Rows:
    """Two rows with both blocks equal."""
    keys, rows = _sorted_keys(blocks, pair)
    positions = np.arange(len(keys))
    firsts, seconds = [], []
    step = 1
    while step <= _MOST_IN_A_RUN and len(positions := positions[: np.searchsorted(positions, len(keys) - step)]):
        positions = positions[keys[positions] == keys[positions + step]]
        firsts.append(rows[positions])
        seconds.append(rows[positions + step])
        step += 1
    return np.concatenate([*firsts, _NONE]), np.concatenate([*seconds, _NONE])


def _met_between(blocks: Blocks, others: Blocks, pair: tuple[int, int]) -> Rows:
    """A row of each with both blocks equal. Most of the others meet nobody: a small table turns them away."""
    keys, rows = _sorted_keys(blocks, pair)
    taken = np.zeros(1 << _TABLE_BITS, np.bool)
    taken[_slots(blocks, pair)] = True
    guests = np.flatnonzero(taken[_slots(others, pair)])
    wanted = _keys(others[pair[0]][guests], others[pair[1]][guests])
    positions = np.searchsorted(keys, wanted)
    firsts, seconds = [], []
    while len(guests):
        there = positions < len(keys)
        positions, guests, wanted = positions[there], guests[there], wanted[there]
        equal = keys[positions] == wanted
        positions, guests, wanted = positions[equal], guests[equal], wanted[equal]
        firsts.append(rows[positions])
        seconds.append(guests)
        positions = positions + 1
    return np.concatenate([*firsts, _NONE]), np.concatenate([*seconds, _NONE])


def _slots(blocks: Blocks, pair: tuple[int, int]) -> NDArray[np.uint32]:
    """A place in the table for the values of two blocks, by multiplication (Knuth, TAOCP 3, section 6.4)."""
    slots: Blocks = blocks[pair[0]] * np.uint32(2654435769)
    slots ^= blocks[pair[1]] * np.uint32(2246822519)
    slots >>= np.uint32(32 - _TABLE_BITS)
    return slots


def _compared(first: _Cut, second: _Cut, met: Rows, last: int) -> NDArray[np.int64]:
    """Those within the radius that met at no earlier pair of blocks, so that each is found once: K×3."""
    found = [np.empty((0, 3), np.int64)]
    for start in range(0, len(met[0]), _CHUNK):
        a, b = met[0][start : start + _CHUNK], met[1][start : start + _CHUNK]
        distances = np.zeros(len(a), np.uint16)
        for word in range(len(first.words)):  # of alike pictures most pairs are too far apart after two words
            distances += np.bitwise_count(first.words[word][a] ^ second.words[word][b])
            close = np.flatnonzero(distances <= RADIUS)
            a, b, distances = a[close], b[close], distances[close]
        # Of the blocks before the second one of this pair, only the first one may be equal.
        once = (first.blocks[:last, a] == second.blocks[:last, b]).sum(0) == 1
        found.append(np.stack([a[once], b[once], distances[once].astype(np.int64)], axis=1))
    return np.concatenate(found)
