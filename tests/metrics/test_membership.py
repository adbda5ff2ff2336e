"""AUC against brute force, its interval against the bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from gantool.metrics.membership import advantage


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("levels", [None, 5])
def test_equals_brute_force(seed: int, levels: int | None) -> None:
    rng = np.random.default_rng(seed)
    train, held = rng.normal(0.4, 1, 130), rng.normal(0, 1.5, 70)
    if levels:
        train, held = (np.round(values * 2).clip(-levels, levels) for values in (train, held))
    pairs = (train[:, None] > held).astype(float) + 0.5 * (train[:, None] == held)
    found = advantage(train, held)
    assert found.auc == pytest.approx(pairs.mean(), abs=1e-12)
    deviation = np.sqrt(pairs.mean(axis=1).var(ddof=1) / 130 + pairs.mean(axis=0).var(ddof=1) / 70)  # DeLong's own form
    assert found.upper - found.auc == pytest.approx(1.959964 * deviation, rel=1e-5)
    assert found.auc == pytest.approx(scipy.stats.mannwhitneyu(train, held).statistic / 130 / 70)


def test_the_interval_is_that_of_the_bootstrap() -> None:
    rng = np.random.default_rng(0)
    train, held = rng.normal(0.5, 1, 400).astype(np.float32), rng.normal(0, 1, 200).astype(np.float32)
    found = advantage(train, held)
    again = [advantage(rng.choice(train, 400), rng.choice(held, 200)).auc for _ in range(4000)]
    assert (found.lower, found.upper) == pytest.approx(tuple(np.quantile(again, [0.025, 0.975])), abs=0.008)


def test_the_ends() -> None:
    low, high = np.arange(100.0), np.arange(100.0) + 1000
    assert advantage(high, low) == (1, 0.97, 1)
    assert advantage(low, high) == (0, 0, 0.03)
    alike = advantage(np.zeros(50), np.zeros(50))
    assert alike.auc == 0.5
    assert alike.lower <= 0.5 <= alike.upper
    with pytest.raises(ValueError, match="two pictures"):
        advantage(low[:1], high)
