"""Which pictures are near which, in features: pictures unlike all others, and labels unlike their neighbours'.

The constants below were chosen on garments and emoji with strangers and wrong labels planted among them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

Groups = Sequence[Sequence[int]]
"""Rows that show the same picture; no row is in two groups."""

OUTLIER = 3.6
"""A score of `outliers` from which a picture deserves a look."""
SUSPECT = 0.45
"""A score of `label_suspects` from which a label deserves a look."""

_QUERIES, _CANDIDATES = 2048, 4096  # a block of distances takes 32 MiB
_MOST_FOR_OUTLIERS, _MOST_FOR_LABELS = 30, 100
_TEXTURE_WEIGHT = 0.7
_UPPER, _UPPER_DEVIATE = 0.85, 1.0364  # of a normal distribution 85 % lie below 1.0364 deviations
_SAME = 1e-3  # distances of unit vectors below this are rounding
_LEAST_SPREAD = 0.02
_RANK, _SHRINKAGE = 256, 0.5
_FEWEST = 5

_Space = Callable[[Tensor], Tensor]


class Neighbours(NamedTuple):
    """The nearest others of every picture."""

    distances: NDArray[np.float32]
    """N×k, ascending. Their squares are exact to about 1e-6 of the squared lengths of the features."""
    rows: NDArray[np.int64]
    """N×k, whose they are."""


def nearest(features: NDArray[np.float32], count: int, groups: Groups = ()) -> Neighbours:
    """The ``count`` nearest others by Euclidean distance, found by comparing all with all.

    Pictures of one group are no neighbours of each other, and the first of a group stands for all of it: a picture
    that is there ten times has one voice. Takes about 300 MB beside the features, whatever N is.

    Args:
        features: float N×D.
        count: how many neighbours; less where there are not so many others.
        groups: near duplicates.
    """
    return _nearest(features, count, groups, lambda block: block)


def outliers(content: NDArray[np.float32], texture: NDArray[np.float32], groups: Groups = ()) -> NDArray[np.float64]:
    """How far every picture is from all others, comparable between sets: 0 is usual, above `OUTLIER` odd.

    The distance to the k-th neighbour (Ramaswamy 2000, "Efficient algorithms for mining outliers"), k the root of N
    and at most 30, so that a few strangers of one sort do not vouch for each other. Its logarithm is measured from the
    set's median in units of the set's own spread above it, once for what pictures show and once for their texture; the
    score is the sum, texture counting 0.7. Local variants (Breunig 2000, "LOF") found far fewer planted strangers:
    beside these there is nothing to be compared with.

    Give only pictures that nothing else is wrong with: sixty blank ones are neighbours to the sixty-first.

    Args:
        content: float N×1280, all ≥ 0 (`Description.content`). Compared as the Hellinger distance does: by the roots.
        texture: float N×80 (`Description.texture`).
        groups: near duplicates.
    """
    count = _neighbourhood(len(content), groups, _MOST_FOR_OUTLIERS)
    voices = np.unique(_voices(len(content), groups))
    by_content = _nearest(content, count, groups, _roots).distances
    by_texture = _nearest(texture, count, groups, _directions).distances
    return _oddness(by_content, voices) + _TEXTURE_WEIGHT * _oddness(by_texture, voices)


def label_suspects(
    content: NDArray[np.float32], labels: ArrayLike, groups: Groups = ()
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """How strongly the neighbours of every picture agree on another label than its own.

    The root of N neighbours vote, at most 100, near ones more; a class has its votes divided by the root of its
    size. They are found in whitened features (the 256 strongest directions, shrunk): directions in which all pictures
    of the set vary count less there, those that tell its classes apart more, which finds half as many again.

    Args:
        content: float N×1280, all ≥ 0 (`Description.content`).
        labels: int N, ≥ 0.
        groups: near duplicates; their labels may differ.

    Returns:
        the share of the votes for the most wanted other class less that for the picture's own, from -1 to 1, above
        `SUSPECT` worth a look (-1 where nothing can be said: too few others of its class, or no other class); and
        that other class, int N.
    """
    there, own = np.unique(np.asarray(labels, np.int64), return_inverse=True)  # votes are counted for these only
    voices = _voices(len(own), groups)
    sizes = np.bincount(own[voices == np.arange(len(own))], minlength=int(own.max(initial=0)) + 1)
    scores, wanted = np.full(len(own), -1.0), own.astype(np.int64)
    count = _neighbourhood(len(own), groups, _MOST_FOR_LABELS)
    if count == 0 or np.count_nonzero(sizes) < 2:
        return scores, there[wanted]
    distances, rows = nearest(_whitened(content), count, groups)
    weights = np.exp(-4 * (distances / np.maximum(distances[:, -1:], _SAME)) ** 2)
    for start in range(0, len(own), _QUERIES):
        part = slice(start, start + _QUERIES)
        scores[part], wanted[part] = _margin(own[part], own[rows[part]], weights[part], sizes)
    scores[sizes[own] < _FEWEST] = -1
    return scores, there[wanted]


def _margin(
    own: NDArray[np.int64], theirs: NDArray[np.int64], weights: NDArray[np.float32], sizes: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Share of the strongest other class less that of the own, and that class, for B pictures with k neighbours."""
    lines = np.arange(len(own))
    places = lines[:, None] * len(sizes) + theirs
    ballots = np.bincount(places.ravel(), weights.ravel(), minlength=len(own) * len(sizes))
    votes: NDArray[np.float64] = ballots.astype(np.float64).reshape(len(own), -1)
    votes /= np.sqrt(np.maximum(sizes, 1))
    votes /= votes.sum(axis=1, keepdims=True)
    of_own = votes[lines, own]
    votes[lines, own] = -1
    wanted = votes.argmax(axis=1)
    return votes[lines, wanted] - of_own, wanted


def _oddness(distances: NDArray[np.float32], voices: NDArray[np.int64]) -> NDArray[np.float64]:
    """N×k → N: the logarithm of the last distance, from the median, in deviations of the upper half of ``voices``."""
    if distances.shape[1] == 0:
        return np.zeros(len(distances))
    logarithms = np.log(np.maximum(distances[:, -1].astype(np.float64), _SAME))
    median, upper = np.quantile(logarithms[voices], [0.5, _UPPER])
    oddness: NDArray[np.float64] = (logarithms - median) / max((upper - median) / _UPPER_DEVIATE, _LEAST_SPREAD)
    return oddness


def _nearest(features: NDArray[np.float32], count: int, groups: Groups, space: _Space) -> Neighbours:
    """`nearest` of the features as ``space`` shows them, block by block, so that no second copy is needed."""
    voices = _voices(len(features), groups)
    candidates = np.flatnonzero(voices == np.arange(len(features)))
    columns = np.searchsorted(candidates, voices)  # where every row's own voice is
    count = max(0, min(count, len(candidates) - 1))
    distances = np.empty((len(features), count), np.float32)
    rows = np.empty((len(features), count), np.int64)
    for start in range(0, len(features) if count else 0, _QUERIES):
        part = slice(start, start + _QUERIES)
        queries = _block(features[part], space)
        best = torch.full((len(queries), count), torch.inf)
        found = torch.zeros((len(queries), count), dtype=torch.int64)
        for first in range(0, len(candidates), _CANDIDATES):
            taken = candidates[first : first + _CANDIDATES]
            squares = squares_between(queries, _block(features[taken], space))
            own = torch.from_numpy(columns[part] - first)
            inside = ((own >= 0) & (own < len(taken))).nonzero()[:, 0]
            squares[inside, own[inside]] = torch.inf
            best, found = _merged(best, found, squares, torch.from_numpy(taken))
        distances[part], rows[part] = best.clamp_min(0).sqrt().numpy(), found.numpy()
    return Neighbours(distances, rows)


def _merged(best: Tensor, found: Tensor, squares: Tensor, taken: Tensor) -> tuple[Tensor, Tensor]:
    """The smallest of the best so far (Q×k, with their rows) and of new squares (Q×B, of the rows ``taken``)."""
    count = best.shape[1]
    smallest = squares.topk(min(count, squares.shape[1]), largest=False)
    best, order = torch.cat([best, smallest.values], dim=1).topk(count, largest=False)
    return best, torch.cat([found, taken[smallest.indices]], dim=1).gather(1, order)


def squares_between(queries: Tensor, others: Tensor) -> Tensor:
    """|q|² + |o|² − 2 q·o of every pair: float Q×D, float B×D → Q×B. A little below 0 where rounding makes it so."""
    lengths = queries.square().sum(1)[:, None] + others.square().sum(1)
    return torch.addmm(lengths, queries, others.T, alpha=-2)


def blocks(total: int, size: int) -> Iterator[slice]:
    """Slices of at most ``size`` that cover ``total``."""
    for start in range(0, total, size):
        yield slice(start, min(start + size, total))


def _block(features: NDArray[np.float32], space: _Space) -> Tensor:
    return space(torch.from_numpy(np.ascontiguousarray(features, np.float32)))


def _directions(block: Tensor) -> Tensor:
    return F.normalize(block, dim=1)


def _roots(block: Tensor) -> Tensor:
    """Unit vectors whose distance is √2 times the Hellinger distance of the rows taken as distributions."""
    return F.normalize(block.sqrt(), dim=1)


def _whitened(content: NDArray[np.float32]) -> NDArray[np.float32]:
    """N×1280 → N×256 unit vectors: the strongest directions of the roots, each divided by its own deviation.

    The variances are first drawn halfway to their mean (Ledoit & Wolf 2004): the weak ones are mostly chance.
    """
    blocks = [slice(start, start + _QUERIES) for start in range(0, len(content), _QUERIES)]
    depth = content.shape[1]
    total, products = torch.zeros(depth, dtype=torch.float64), torch.zeros((depth, depth), dtype=torch.float64)
    for part in blocks:
        roots = _block(content[part], _roots)
        total += roots.sum(0)
        products += roots.T @ roots
    mean = total / len(content)
    variances, directions = torch.linalg.eigh(products / len(content) - mean.outer(mean))
    shrunk = (1 - _SHRINKAGE) * variances + _SHRINKAGE * variances.mean()
    onto = (directions / shrunk.clamp_min(1e-12).sqrt())[:, -_RANK:].float()
    moved = [_directions((_block(content[part], _roots) - mean.float()) @ onto) for part in blocks]
    whitened: NDArray[np.float32] = torch.cat(moved).numpy()
    return whitened


def _neighbourhood(total: int, groups: Groups, most: int) -> int:
    """The root of the number of different pictures, within reason."""
    different = total - sum(len(group) - 1 for group in groups)
    return max(0, min(round(math.sqrt(different)), most, different - 1))


def _voices(total: int, groups: Groups) -> NDArray[np.int64]:
    """For every row the row that stands for it: the first of its group, else itself."""
    voices = np.arange(total)
    for group in groups:
        voices[list(group)] = min(group)
    return voices
