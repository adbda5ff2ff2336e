"""Which pictures are the same picture, from their prints: hashes bring together, a second look decides.

Whole pictures are compared with each other; up to `CROPS_UP_TO` pictures also with windows of each other, which finds
slight crops. Tiny pictures of two sizes are also compared as one of them would look had it been resized without
antialiasing (see `resampling`). Pictures that show nothing (blank ones) are only ever duplicates of equal prints.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from gantool.data import hamming, perceptual
from gantool.data.blas import one_thread
from gantool.data.resampling import resizings
from gantool.data.sameness import is_flat, same, same_resampled
from gantool.data.windowsearch import pairs_with_windows

CROPS_UP_TO = 10_000
"""Pictures. Windows cost 80 times as much as wholes, and in large sets of pictures of one kind chance finds many."""

RESAMPLED_UP_TO = 1 << 21
"""Hashes of tiny pictures as they would be at other sizes: some seconds' work."""

_RESAMPLED_AT_ONCE = 1024
_FIRST_LOOKS = 8


@one_thread()
def near_duplicates(
    prints: NDArray[np.uint8], sizes: NDArray[np.int64] | None = None, windows: NDArray[np.uint8] | None = None
) -> list[list[int]]:
    """Groups of pictures that are near duplicates of each other, exact ones included.

    Args:
        prints: uint8 N×PRINT_BYTES, of `perceptual.print_of`.
        sizes: height and width of each picture: N×2. None where they are not known: then copies of tiny pictures
            that were resized without antialiasing are missed.
        windows: their `perceptual.window_hashes`, where these are known already.

    Returns:
        groups of at least two rows, ascending; the groups ordered by their first row. No row is in two groups.
    """
    equal, first_of = _equal_prints(prints)
    telling = first_of[~is_flat(prints)[first_of]]
    straight = prints if len(telling) == len(prints) else prints[telling]
    crops = len(prints) <= CROPS_UP_TO
    if crops:
        hashes = perceptual.window_hashes(straight) if windows is None else windows[telling]
    else:
        hashes = perceptual.hashes(straight)[:, None]
    wholes = np.ascontiguousarray(hashes[:, 0])
    leaders = _linked(straight, np.arange(len(telling)), _whole_pairs(wholes))
    if crops:
        alone = np.unique(leaders)  # one of each group stands for it: a crop of one is a crop of all
        leaders = _linked(straight, leaders, _window_pairs(hashes, alone))
    if sizes is not None:
        leaders = _joined(leaders, _resampled(straight, wholes, sizes[telling]))
    pairs = np.stack([telling, telling[leaders]], axis=1)
    return _groups(_joined(np.arange(len(prints)), np.concatenate([_links(equal), pairs])))


def mirror_pairs(prints: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Pairs of pictures of which one is the mirror image of the other, ascending. Symmetric pictures are in no pair."""
    _, first_of = _equal_prints(prints)
    telling = first_of[~is_flat(prints)[first_of]]
    straight = np.ascontiguousarray(prints[telling])
    turned = perceptual.mirrored(straight)
    met = hamming.pairs_between(perceptual.hashes(straight), perceptual.hashes(turned))
    rows = met[met[:, 0] < met[:, 1]]
    whole = np.zeros(len(rows), np.int64)
    mirrored = same(straight, rows[:, 0], whole, rows[:, 1], turned)
    copies = same(straight, rows[:, 0], whole, rows[:, 1])
    return [(int(a), int(b)) for a, b in telling[rows[mirrored & ~copies][:, :2]]]


def _equal_prints(prints: NDArray[np.uint8]) -> tuple[list[list[int]], NDArray[np.int64]]:
    """Groups of rows with one print, and the first row of every print, ascending."""
    digests = [hashlib.blake2b(row, digest_size=16).digest() for row in np.ascontiguousarray(prints)]
    content = np.frombuffer(b"".join(digests), "V16")  # sorting the prints themselves would copy them all
    _, first, inverse = np.unique(content, return_index=True, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    ends = np.flatnonzero(np.diff(inverse[order], append=-1)) + 1
    groups = np.split(order, ends[:-1]) if len(order) else []
    return [group.tolist() for group in groups if len(group) > 1], np.sort(first)


def _whole_pairs(hashes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Candidates (owner, window, other, distance) among whole pictures: K×4."""
    met = hamming.pairs_within(hashes)
    return np.stack([met[:, 0], np.zeros(len(met), np.int64), met[:, 1], met[:, 2]], axis=1)


def _window_pairs(hashes: NDArray[np.uint8], alone: NDArray[np.int64]) -> NDArray[np.int64]:
    """Candidates (owner, window, other, distance) of which the other may be a crop of the owner: K×4.

    Args:
        hashes: of all windows, the whole first: N×W×HASH_BYTES.
        alone: the rows that are compared.
    """
    met = pairs_with_windows(hashes[alone, 0], hashes[alone, 1:])
    return _best(np.stack([alone[met[:, 1]], met[:, 2] + 1, alone[met[:, 0]], met[:, 3]], axis=1))


def _best(candidates: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of each two pictures, the direction and the window with the smallest distance."""
    low, high = candidates[:, [0, 2]].min(1), candidates[:, [0, 2]].max(1)
    order = np.lexsort((candidates[:, 1], candidates[:, 3], high, low))
    low, high = low[order], high[order]
    first = np.ones(len(order), np.bool)
    first[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    return candidates[order[first]]


def _resampled(prints: NDArray[np.uint8], hashes: NDArray[np.uint8], sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Tiny pictures and their copies that were resized without antialiasing: K×2."""
    found = [np.empty((0, 2), np.int64)]
    for originals, sorts in resizings(sizes, RESAMPLED_UP_TO):
        for start in range(0, len(originals), _RESAMPLED_AT_ONCE):
            before = originals[start : start + _RESAMPLED_AT_ONCE]
            planes = perceptual.planes_of(prints[before])
            for copies, changes in sorts:
                for rows, columns in changes:
                    met = hamming.pairs_between(hashes[copies], perceptual.changed_hashes(planes, rows, columns))
                    owners, others = before[met[:, 1]], copies[met[:, 0]]
                    alike = same_resampled(prints, owners, others, rows, columns)
                    found.append(np.stack([owners[alike], others[alike]], axis=1))
    return np.concatenate(found)


def _linked(prints: NDArray[np.uint8], leaders: NDArray[np.int64], candidates: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first row of each row's group, after those candidates that show the same picture have joined groups.

    The second look is what costs, and a thousand frames of one scene are half a million pairs. So it goes by rounds:
    the nearest few of each group are looked at, twice as many in each round, and pairs that are then in one group need
    no look.
    """
    looks = _FIRST_LOOKS
    candidates = candidates[np.argsort(candidates[:, 3], kind="stable")]
    while len(candidates):
        ends = leaders[candidates[:, [0, 2]]]
        apart = ends[:, 0] != ends[:, 1]
        candidates, ends = candidates[apart], ends[apart]
        chosen = _rank(ends.min(1)) < looks
        looks *= 2
        owners, windows, others, _ = candidates[chosen].T
        alike = same(prints, owners, windows, others)
        leaders = _joined(leaders, np.stack([owners[alike], others[alike]], axis=1))
        candidates = candidates[~chosen]
    return leaders


def _rank(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many equal keys stand before each."""
    order = np.argsort(keys, kind="stable")
    begins = np.flatnonzero(np.diff(keys[order], prepend=-1))
    places = np.arange(len(keys)) - np.repeat(begins, np.diff(begins, append=len(keys)))
    ranks = np.empty(len(keys), np.int64)
    ranks[order] = places
    return ranks


def _links(groups: Iterable[Sequence[int]]) -> NDArray[np.int64]:
    """Each row of a group with the group's first: K×2."""
    return np.array([(group[0], row) for group in groups for row in group[1:]], np.int64).reshape(-1, 2)


def _joined(leaders: NDArray[np.int64], links: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first row of each row's group, when the groups of linked rows (K×2) are one.

    Args:
        leaders: the first row of each row's group so far; its own number for a row alone.
    """
    leaders = leaders.copy()
    while True:
        ends = leaders[links]
        lowest = ends.min(1)
        if (ends == lowest[:, None]).all():
            return leaders
        for side in (0, 1):
            np.minimum.at(leaders, ends[:, side], lowest)
        while not np.array_equal(shorter := leaders[leaders], leaders):
            leaders = shorter


def _groups(leaders: NDArray[np.int64]) -> list[list[int]]:
    """Rows by their leaders, groups of one left out."""
    members: dict[int, list[int]] = {}
    for row, leader in enumerate(leaders.tolist()):
        members.setdefault(leader, []).append(row)
    return [rows for rows in members.values() if len(rows) > 1]
