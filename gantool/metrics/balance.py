"""Whether generated pictures are of the classes that real ones are of, as often.

Both are judged by the same classifier, so what it confuses it confuses on either side.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

_TENTH = 0.1


class Balance(NamedTuple):
    """Two histograms of classes, and how they differ."""

    expected: NDArray[np.float64]
    """Share of real pictures of each class, float64 K."""
    made: NDArray[np.float64]
    """Share of generated pictures of each class, float64 K."""
    chi_square: float
    """Pearson's statistic of homogeneity over the classes that appear."""
    p: float
    """How often pictures of the same classes differ so much or more."""
    distance: float
    """Total variation: the share of pictures that would have to be of another class."""
    dropped: NDArray[np.bool]
    """Classes that generated pictures are of less than a tenth as often, beyond chance: bool K."""


def balance(
    real: NDArray[np.int64],
    made: NDArray[np.int64],
    classes: int,
    *,
    weights: NDArray[np.float64] | None = None,
    significance: float = 1e-3,
) -> Balance:
    """Compare the classes of generated pictures with those of real ones.

    Args:
        real: classes that the classifier gave to m ≥ 1 real pictures, in [0, K).
        made: those that it gave to n ≥ 1 generated ones.
        classes: K.
        weights: how much each real picture counts, float64 m; None for all alike. They stand for `effective` pictures.
        significance: what is beyond chance: a class is called dropped when fewer than one such comparison in
            1 / ``significance`` would wrongly call any class so.
    """
    weighed = np.bincount(real, weights, minlength=classes).astype(np.float64)
    weighed *= effective(len(real), weights) / weighed.sum()
    counts = np.stack([weighed, np.bincount(made, minlength=classes)])
    totals = counts.sum(axis=1)
    shares = counts / totals[:, None]
    there = counts.sum(axis=0) > 0
    expected = totals[:, None] * counts[:, there].sum(axis=0) / totals.sum()
    chi_square = float((np.square(counts[:, there] - expected) / expected).sum())
    freedom = int(there.sum()) - 1
    rare = shares[1] < _TENTH * shares[0]
    for number in np.flatnonzero(rare):
        few, whole = int(counts[1, number]), round(counts[:, number].sum())
        rare[number] = at_most(few, whole, int(totals[1]), round(totals.sum())) < significance / classes
    return Balance(
        expected=shares[0],
        made=shares[1],
        chi_square=chi_square,
        p=_upper_tail(chi_square, freedom),
        distance=float(np.abs(shares[0] - shares[1]).sum() / 2),
        dropped=rare,
    )


def effective(count: int, weights: NDArray[np.float64] | None) -> float:
    """How many pictures that count alike say as much as ``count`` of these ``weights`` (Kish 1965)."""
    return float(count) if weights is None else float(weights.sum() ** 2 / np.square(weights).sum())


def pictures_needed(real: float, classes: int, distance: float, significance: float) -> float:
    """How many generated pictures it takes for a total variation of ``distance`` to be significant in any case.

    By Cauchy and Schwarz the chi-square of N and n pictures is at least 4 ``distance``² Nn/(N + n).

    Args:
        real: N, weighed ones as many as they stand for.
        classes: K ≥ 2.
        distance: above 0.
        significance: of the test.

    Returns:
        n; infinite where the real pictures are too few for any number.
    """
    low, high = 0.0, 1.0
    while _upper_tail(high, classes - 1) > significance:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _upper_tail(middle, classes - 1) > significance else (low, middle)
    together = high / (4 * distance**2)
    return together * real / (real - together) if real > together else math.inf


def _upper_tail(chi_square: float, freedom: int) -> float:
    """P(χ² ≥ ``chi_square``) for ``freedom`` degrees of freedom; 1 for none."""
    if freedom < 1:
        return 1.0
    half = torch.tensor([freedom / 2, chi_square / 2], dtype=torch.float64)
    return float(torch.special.gammaincc(half[0], half[1]))


def at_most(few: int, whole: int, drawn: int, total: int) -> float:
    """P(X ≤ few), X how many of ``whole`` special ones are among ``drawn`` of ``total`` (Fisher's exact test)."""
    least = max(0, drawn - (total - whole))
    every = _log_choose(total, drawn)
    chances = (_log_choose(whole, k) + _log_choose(total - whole, drawn - k) - every for k in range(least, few + 1))
    return min(1.0, math.fsum(map(math.exp, chances)))


def _log_choose(total: int, chosen: int) -> float:
    return math.lgamma(total + 1) - math.lgamma(chosen + 1) - math.lgamma(total - chosen + 1)
