"""Which pictures are the same picture, from their prints: hashes bring together, a second look decides.

Whole pictures are compared with each other; up to `CROPS_UP_TO` pictures also with windows of each other, which finds
slight crops. Pictures that show nothing (blank ones) are only ever duplicates of equal prints.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from gantool.data import hamming, perceptual
from gantool.data.sameness import is_flat, same

CROPS_UP_TO = 10_000
"""Pictures. Windows cost 80 times as much as wholes, and in large sets of pictures of one kind chance finds many."""

_WINDOWS_AT_ONCE = 1 << 20
_OTHER_WINDOWS = len(perceptual.WINDOWS) - 1


def near_duplicates(prints: NDArray[np.uint8]) -> list[list[int]]:
    """Groups of pictures that are near duplicates of each other, exact ones included.

    Args:
        prints: uint8 N×PRINT_BYTES, of `perceptual.print_of`.

    Returns:
        groups of at least two rows, ascending; the groups ordered by their first row. No row is in two groups.
    """
    equal, first_of = _equal_prints(prints)
    telling = first_of[~is_flat(prints)[first_of]]
    pairs = telling[_same_pairs(prints if len(telling) == len(prints) else prints[telling])]
    return _groups(len(prints), [*equal, *pairs.tolist()])


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


def _same_pairs(prints: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Pairs of rows that show the same picture: K×2."""
    hashes = perceptual.hashes(prints)
    met = hamming.pairs_within(hashes)
    candidates = [np.stack([met[:, 0], np.zeros(len(met), np.int64), met[:, 1], met[:, 2]], axis=1)]
    if len(prints) <= CROPS_UP_TO:
        step = _WINDOWS_AT_ONCE // _OTHER_WINDOWS
        for start in range(0, len(prints), step):
            windows = perceptual.window_hashes(prints[start : start + step])[:, 1:]
            met = hamming.pairs_between(hashes, windows.reshape(-1, perceptual.HASH_BYTES))
            owners, numbers = np.divmod(met[:, 1], _OTHER_WINDOWS)
            candidates.append(np.stack([owners + start, numbers + 1, met[:, 0], met[:, 2]], axis=1))
    owners, windows_, others, _ = _best(np.concatenate(candidates)).T
    alike = same(prints, owners, windows_, others)
    return np.stack([owners[alike], others[alike]], axis=1)


def _best(candidates: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of each two pictures, the direction and the window with the smallest distance."""
    candidates = candidates[candidates[:, 0] != candidates[:, 2]]
    low, high = candidates[:, [0, 2]].min(1), candidates[:, [0, 2]].max(1)
    order = np.lexsort((candidates[:, 1], candidates[:, 3], high, low))
    low, high = low[order], high[order]
    first = np.ones(len(order), np.bool)
    first[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    return candidates[order[first]]


def _groups(count: int, links: Iterable[list[int]]) -> list[list[int]]:
    """What hangs together by links (lists of rows), as ascending groups in the order of their first rows."""
    leader = list(range(count))

    def leader_of(row: int) -> int:
        while leader[row] != row:
            leader[row] = row = leader[leader[row]]
        return row

    for link in links:
        for row in link[1:]:
            one, two = leader_of(link[0]), leader_of(row)
            leader[max(one, two)] = min(one, two)  # a group's leader is its first row
    members: dict[int, list[int]] = {}
    for row in range(count):
        members.setdefault(leader_of(row), []).append(row)
    return [rows for rows in members.values() if len(rows) > 1]
