"""Chi-square and Fisher's tail against scipy; dropped classes only where chance does not drop them."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from gantool.metrics.balance import at_most, balance


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


def test_only_what_chance_does_not_drop_is_dropped() -> None:
    real = np.repeat([0, 1, 2, 3], [900, 94, 3, 3])
    found = balance(real, np.repeat([0, 1, 3], [990, 3, 7]), 4)
    assert found.dropped.tolist() == [False, True, False, False]  # three of class 2 may be missed by chance
