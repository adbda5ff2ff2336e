"""Precision, recall, density and coverage: how two sets of features overlap.

Every picture has a ball that reaches to its k-th neighbour among its own kind; together the balls are the set's
manifold. Precision and recall (Kynkäänniemi 2019, "Improved Precision and Recall Metric", k = 3): the share of
generated pictures inside a real ball, and of real ones inside a generated ball. Density and coverage (Naeem 2020,
"Reliable Fidelity and Diversity Metrics", k = 5): how many real balls a generated picture lies in, over k; and the
share of real balls that hold a generated picture.

Distances come in blocks from float32 products of centred features. Where one is so near a radius that rounding could
decide, it is computed again in float64: the numbers are those of a float64 brute force, in a twentieth of its memory.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gantool.metrics.neighbours import blocks

PRECISION_NEIGHBOURS = 3
DENSITY_NEIGHBOURS = 5

_BLOCK = 2048
_SPARE = 8  # candidates beyond the k-th that float32 may have put in the wrong order
_ROUNDING = 1e-5  # of the squared lengths; float32 products of 2048 numbers are off by a tenth of it


class Overlap(NamedTuple):
    """How a generated set covers a real one; nan where a set is too small to have a manifold."""

    precision: float
    recall: float
    density: float
    coverage: float


def overlap(real: NDArray[np.float32], made: NDArray[np.float32]) -> Overlap:
    """Compare N×D real features with M×D generated ones. Takes about 100 MB beside them."""
    if min(len(real), len(made)) <= DENSITY_NEIGHBOURS:
        return Overlap(np.nan, np.nan, np.nan, np.nan)
    centre = real.mean(axis=0, dtype=np.float64).astype(np.float32)  # shorter vectors, less rounding
    ours, theirs = _Points(real - centre), _Points(made - centre)
    within_real, strict = _radii(ours, PRECISION_NEIGHBOURS, DENSITY_NEIGHBOURS)
    (within_made,) = _radii(theirs, PRECISION_NEIGHBOURS)
    precise = np.zeros(len(made), np.bool)
    dense = np.zeros(len(made), np.int64)
    recalled, covered = np.zeros(len(real), np.bool), np.zeros(len(real), np.bool)
    for rows in blocks(len(real), _BLOCK):
        for columns in blocks(len(made), _BLOCK):
            pairs = _Pairs(ours, rows, theirs, columns)
            inside = pairs.closer_than(within_real[rows, None], or_equal=True)
            precise[columns] |= inside.any(axis=0)
            recalled[rows] |= pairs.closer_than(within_made[None, columns], or_equal=True).any(axis=1)
            inside = pairs.closer_than(strict[rows, None], or_equal=False)
            dense[columns] += inside.sum(axis=0)
            covered[rows] |= inside.any(axis=1)
    return Overlap(
        float(precise.mean()), float(recalled.mean()), float(dense.mean() / DENSITY_NEIGHBOURS), float(covered.mean())
    )


class _Points:
    """Features, with their squared lengths."""

    def __init__(self, features: NDArray[np.float32]) -> None:
        self.values = torch.from_numpy(np.ascontiguousarray(features, np.float32))
        self.squares = self.values.square().sum(1)

    def __len__(self) -> int:
        return len(self.values)

    def exact(self, rows: Tensor, other: _Points, columns: Tensor) -> Tensor:
        """Squared distances of pairs in float64: K rows, K columns → K."""
        found = torch.empty(len(rows), dtype=torch.float64)
        for start in range(0, len(rows), _BLOCK):
            part = slice(start, start + _BLOCK)
            found[part] = (self.values[rows[part]].double() - other.values[columns[part]].double()).square().sum(1)
        return found


class _Pairs:
    """The squared distances between a block of one set and a block of another, in float32."""

    def __init__(self, ours: _Points, rows: slice, theirs: _Points, columns: slice) -> None:
        self._ours, self._theirs = ours, theirs
        self._first = rows.start, columns.start
        lengths = ours.squares[rows, None] + theirs.squares[columns]
        self.squares = torch.addmm(lengths, ours.values[rows], theirs.values[columns].T, alpha=-2)
        self.doubt = _ROUNDING * (ours.squares[rows].max() + theirs.squares[columns].max()).item()

    def closer_than(self, radii: NDArray[np.float64], *, or_equal: bool) -> NDArray[np.bool]:
        """Which pairs are closer than ``radii`` (squared, of a shape that broadcasts)."""
        limits = torch.from_numpy(radii)
        beyond = self.squares - limits.float()
        inside = beyond < 0
        rows, columns = (beyond.abs_() < self.doubt).nonzero(as_tuple=True)
        if len(rows):
            exact = self._ours.exact(rows + self._first[0], self._theirs, columns + self._first[1])
            wanted = limits.expand(inside.shape)[rows, columns]
            inside[rows, columns] = exact <= wanted if or_equal else exact < wanted
        found: NDArray[np.bool] = inside.numpy()
        return found


def _radii(points: _Points, *neighbours: int) -> list[NDArray[np.float64]]:
    """The squared distance of every point to each of its ``neighbours``-th others, exact: float64 N each."""
    count = min(max(neighbours) + _SPARE, len(points) - 1)
    nearest = torch.full((len(points), count), torch.inf)
    found = torch.zeros((len(points), count), dtype=torch.int64)
    doubt = 0.0
    for rows in blocks(len(points), _BLOCK):
        for columns in blocks(len(points), _BLOCK):
            if columns.start < rows.start:
                continue  # distances are the same both ways
            pairs = _Pairs(points, rows, points, columns)
            doubt = max(doubt, pairs.doubt)
            if rows == columns:
                pairs.squares.fill_diagonal_(torch.inf)
            else:
                _keep_nearest(nearest, found, columns, pairs.squares.T.contiguous(), rows.start)
            _keep_nearest(nearest, found, rows, pairs.squares, columns.start)
    return [_exact_neighbour(points, nearest, found, neighbour, doubt) for neighbour in neighbours]


def _keep_nearest(nearest: Tensor, found: Tensor, rows: slice, squares: Tensor, first: int) -> None:
    """Put the smallest of n×B ``squares``, of the points from ``first`` on, among the smallest so far."""
    small = squares.topk(min(nearest.shape[1], squares.shape[1]), largest=False)
    together = torch.cat([nearest[rows], small.values], dim=1)
    nearest[rows], order = together.topk(nearest.shape[1], largest=False)  # ascending
    found[rows] = torch.cat([found[rows], small.indices + first], dim=1).gather(1, order)


def _exact_neighbour(
    points: _Points, nearest: Tensor, found: Tensor, neighbour: int, doubt: float
) -> NDArray[np.float64]:
    """The ``neighbour``-th smallest of ascending N×k float32 squares, computed again wherever it could be another."""
    pivot = nearest[:, neighbour - 1 : neighbour]
    possible = (nearest - pivot).abs() < 2 * doubt
    exact = torch.full(nearest.shape, torch.inf, dtype=torch.float64)
    rows, places = possible.nonzero(as_tuple=True)
    exact[rows, places] = points.exact(rows, points, found[rows, places])
    nearer = (nearest < pivot).logical_and_(~possible).sum(dim=1)  # for certain
    wanted = exact.sort(dim=1).values.gather(1, (neighbour - 1 - nearer)[:, None])
    radii: NDArray[np.float64] = wanted[:, 0].numpy()
    return radii
