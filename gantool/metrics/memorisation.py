"""Whether generated pictures are training pictures, or nearly so: three questions asked of nearest neighbours.

Copies (after Carlini 2023, "Extracting Training Data from Diffusion Models", section 4): a picture much nearer to a
training picture than that neighbourhood is wide. Authenticity (Alaa 2022, "How Faithful is your Synthetic Data?",
section 3): a picture no nearer to a training picture than that one is to its own kind. Leaning (in the manner of
Meehan 2020, "A Non-Parametric Test to Detect Data-Copying in Generative Models"): whether the nearest real picture is
a training picture more often than chance makes it one.

Each is asked of held-out pictures too, which cannot have been copied: what they score is no evidence of anything.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gantool.metrics.neighbours import Neighbours, blocks, squares_between

NEIGHBOURHOOD = 50
"""How many training pictures say how wide a neighbourhood is."""
FEWEST = 10
"""Training pictures below which there is no neighbourhood."""

_FARTHEST, _NEAREST = 0.5, 0.2  # Carlini's limit, and what copies with visible noise keep
_BY_CHANCE = 0.005
_QUERIES, _CANDIDATES = 2048, 4096  # a block of distances takes 32 MiB


class Leaning(NamedTuple):
    """How generated pictures lean towards training pictures."""

    share: float
    """Of generated pictures whose nearest real picture is a training picture, T."""
    chance: float
    """What T is expected to be when training and held-out pictures are exchangeable, π."""
    leaning: float
    """(T − π)/(1 − π), and (T − π)/π below chance: 1 when all are nearest to training pictures, 0 by chance, −1 when
    all are nearest to held-out ones."""
    p: float
    """How often relabelling the real pictures at random gives such a T or a larger one."""


def nearest_among(
    queries: NDArray[np.float32], candidates: NDArray[np.float32], count: int, *, same: bool = False
) -> Neighbours:
    """The ``count`` candidates nearest to each query by Euclidean distance. Takes about 100 MB beside its arguments.

    The distances are exact to about 1e-6 of the squared lengths, the first one to its last digit: of a copy it is 0.

    Args:
        queries: float n×D.
        candidates: float N×D.
        count: how many; less where there are not so many.
        same: the queries are the candidates, and nothing is its own neighbour.
    """
    count = max(0, min(count, len(candidates) - same))
    distances, rows = np.zeros((len(queries), count), np.float32), np.zeros((len(queries), count), np.int64)
    if count == 0:
        return Neighbours(distances, rows)
    centre = candidates.mean(axis=0, dtype=np.float64).astype(np.float32)  # shorter vectors, less rounding
    for part in blocks(len(queries), _QUERIES):
        ours = torch.from_numpy(queries[part] - centre)
        best = torch.full((len(ours), count), torch.inf)
        found = torch.zeros((len(ours), count), dtype=torch.int64)
        for taken in blocks(len(candidates), _CANDIDATES):
            theirs = torch.from_numpy(candidates[taken] - centre)
            squares = squares_between(ours, theirs)
            if same:
                _forget_itself(squares, part.start - taken.start)
            near = squares.topk(min(count, squares.shape[1]), largest=False)
            found = torch.cat([found, near.indices + taken.start], dim=1)
            best, order = torch.cat([best, near.values], dim=1).topk(count, largest=False)
            found = found.gather(1, order)
        distances[part], rows[part] = best.clamp_min_(0).sqrt_().numpy(), found.numpy()
        distances[part, 0] = _apart(queries[part], candidates[rows[part, 0]])
    return Neighbours(distances, rows)


def _forget_itself(squares: Tensor, ahead: int) -> None:
    """Put infinity where row i meets column i + ``ahead``, which is the same picture."""
    rows = torch.arange(len(squares))
    there = (rows + ahead >= 0) & (rows + ahead < squares.shape[1])
    squares[rows[there], rows[there] + ahead] = torch.inf


def fingerprints(pixels: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """A number a picture, equal for equal pictures: uint8 N×H×W×C → uint64 N.

    Those of one colour have 0: a generator can hit on them by itself, and they give nothing away.
    """
    count, height, width, channels = pixels.shape
    flat = np.ascontiguousarray(pixels).reshape(count, height * width, channels)
    marks = [int.from_bytes(hashlib.blake2b(picture.data, digest_size=8).digest(), "big") or 1 for picture in flat]
    return np.where((flat == flat[:, :1]).all(axis=(1, 2)), 0, np.array(marks, np.uint64)).astype(np.uint64)


def exact(marks: NDArray[np.uint64], train: NDArray[np.uint64]) -> NDArray[np.bool]:
    """Which pictures are training pictures to the last pixel, by their `fingerprints`; none of one colour: bool n."""
    return np.asarray(np.isin(marks, train) & (marks != 0))


def different(marks: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The first place of each picture that is there once or more often; all of one colour: int64, ascending."""
    _, first = np.unique(marks, return_index=True)
    return np.union1d(first, np.flatnonzero(marks == 0)).astype(np.int64)


def closeness(near: Neighbours) -> NDArray[np.float64]:
    """How near the nearest training picture is, in units of how wide the neighbourhood is; 0 is a copy.

    The width is the distance of the last of the neighbours, not their mean as in the paper: up to 49 near duplicates of
    a picture in the training set do not make its neighbourhood look narrow.

    Args:
        near: the 50 nearest training pictures of each picture.

    Returns:
        float n, in [0, 1]; 1 where all are equally far, even at no distance at all.
    """
    nearest, last = near.distances[:, 0].astype(np.float64), near.distances[:, -1].astype(np.float64)
    ratio: NDArray[np.float64] = np.divide(nearest, last, out=np.ones(len(last)), where=last > 0)
    return np.minimum(ratio, 1)


def copy_limit(holdout: Neighbours) -> float:
    """The `closeness` below which a picture is called a copy.

    Half of the neighbourhood's width as in the paper; less where more than 0.5 % of held-out pictures come so near,
    among which true copies would not show; but not below a fifth, should held-out pictures be in the training set.

    Args:
        holdout: the 50 nearest training pictures of each held-out one.
    """
    return float(np.clip(np.quantile(closeness(holdout), _BY_CHANCE), _NEAREST, _FARTHEST))


def authentic(near: Neighbours, train: NDArray[np.float32]) -> NDArray[np.bool]:
    """Which pictures are no nearer to a training picture than that one is to its nearest other: bool n.

    Args:
        near: nearest training pictures.
        train: features of the training pictures, float N×D, N ≥ 2.
    """
    wanted, places = np.unique(near.rows[:, 0], return_inverse=True)
    own = nearest_among(train[wanted], train, 2)
    # The nearest of a training picture is itself, or a twin at no distance either.
    return np.asarray(near.distances[:, 0] >= own.distances[places, 1])


def leaning(to_train: Neighbours, to_holdout: Neighbours, train: int, holdout: int) -> Leaning:
    """Whether the nearest real pictures are training pictures more often than chance makes them.

    Chance is to draw anew which of the real pictures are training pictures. T is then the sum of N numbers drawn from
    N + m without replacement, a number the count of generated pictures that a real one is nearest to; its variance is
    exact, its tail taken as normal. Pictures that many are nearest to (one that is repeated, a hub) widen it as they
    should.

    Args:
        to_train: nearest training pictures of each generated one.
        to_holdout: nearest held-out pictures of each.
        train: how many training pictures there are, N ≥ 1.
        holdout: how many held-out ones, m ≥ 1. A tie is theirs.
    """
    of_train = to_train.distances[:, 0] < to_holdout.distances[:, 0]
    count, total = len(of_train), train + holdout
    chosen = np.concatenate([to_train.rows[of_train, 0], to_holdout.rows[~of_train, 0] + train])
    counts = np.bincount(chosen, minlength=total)
    chance = train / total
    variance = train * (holdout / total) * counts.var(ddof=1)
    above = float(of_train.sum() - count * chance)
    p = (
        float(torch.special.ndtr(torch.tensor(-above / np.sqrt(variance), dtype=torch.float64)))
        if variance > 0
        else 1.0
    )
    share = float(of_train.mean())
    scale = 1 - chance if share > chance else chance
    return Leaning(share, chance, (share - chance) / scale, p)


def _apart(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float64]:
    """Distances of pairs in float64."""
    return np.asarray(np.sqrt(np.square(first.astype(np.float64) - second).sum(axis=1)))
