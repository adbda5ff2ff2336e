"""Chi-square and Fisher's tail against scipy; dropped classes only where chance does not drop them."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from gantool.metrics.balance import at_most, balance, effective, pictures_needed


@pytest.mark.parametrize("seed", range(5))
def test_chi_square_equals_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    real, made = rng.integers(0, 7, 300), (rng.integers(0, 9, 500) ** 2) % 9
    found = balance(real, made, 12)
    table = np.stack([np.bincount(real, minlength=12), np.bincount(made, minlength=12)])
    expected = scipy.stats.chi2_contingency(table[:, table.sum(axis=0) > 0], correction=False)
    assert found.chi_square == pytest.approx(expected.statistic, rel=1e-12)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-9)
    assert found.distance == pytest.approx(np.abs(table[0] / 300 - table[1] / 500).sum() / 2)


def test_equal_histograms() -> None:
    classes = np.arange(100) % 5
    found = balance(classes, classes, 5)
    assert (found.chi_square, found.p, found.distance) == (0, 1, 0)
    assert not found.dropped.any()
    assert balance(np.zeros(9, np.int64), np.zeros(9, np.int64), 1).p == 1


@pytest.mark.parametrize(("few", "whole", "drawn", "total"), [(0, 10, 50, 100), (3, 20, 60, 200), (40, 40, 90, 100)])
def test_tail_equals_scipy(few: int, whole: int, drawn: int, total: int) -> None:
    assert at_most(few, whole, drawn, total) == pytest.approx(scipy.stats.hypergeom.cdf(few, total, whole, drawn))


def test_weights_stand_for_as_many_pictures() -> None:
    """Twice as many of class 0 that count half are the same histogram, of fewer pictures than there are."""
    real, made = np.repeat([0, 1], [200, 100]), np.repeat([0, 1], [150, 150])
    weights = np.where(real == 0, 0.5, 1.0)
    found = balance(real, made, 2, weights=weights)
    assert found.expected.tolist() == [0.5, 0.5]
    assert (found.distance, found.chi_square) == (0, 0)
    assert effective(300, weights) == pytest.approx(200**2 / 150)
    assert effective(300, None) == effective(300, np.full(300, 7.0)) == 300


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_as_many_as_are_needed_are_significant(classes: int) -> None:
    made = pictures_needed(2000, classes, 0.25, 1e-3)
    least = 4 * 0.25**2 * 2000 * made / (2000 + made)
    assert least == pytest.approx(scipy.stats.chi2.isf(1e-3, classes - 1), rel=1e-6)
    assert pictures_needed(10, classes, 0.25, 1e-3) == np.inf


def test_only_what_chance_does_not_drop_is_dropped() -> None:
    real = np.repeat([0, 1, 2, 3], [900, 94, 3, 3])
    found = balance(real, np.repeat([0, 1, 3], [990, 3, 7]), 4)
    assert found.dropped.tolist() == [False, True, False, False]  # three of class 2 may be missed by chance
