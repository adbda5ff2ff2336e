"""How many pictures it takes to see something, and to be sure of it."""

from __future__ import annotations

import pytest

from gantool.audit.doubt import chance, least_to_be_sure, least_to_see, most_by_chance, unsure


@pytest.mark.parametrize("limit", [0.01, 0.019, 0.3])
def test_a_share_at_the_limit_is_seen_in_95_of_100_cases(limit: float) -> None:
    needed = least_to_see(limit)
    assert (1 - limit) ** needed <= 0.05 < (1 - limit) ** (needed - 1)


def test_limits_that_nothing_can_be_above() -> None:
    assert least_to_see(1.0) == least_to_see(1.5) == least_to_see(0.0) == 1


def test_enough_to_be_sure() -> None:
    enough = least_to_be_sure(0.05, 3, 375, 100, 1e-3)
    assert enough == 400
    assert chance(3, 375, 20, 400) < 1e-3 <= chance(3, 375, 10, 200)
    assert "draw more with --samples (400 or so)" in unsure(0.05, 0.019, 100, enough)
    assert least_to_be_sure(0.02, 3, 375, 100, 1e-3) is None
    assert "larger --holdout" in unsure(0.02, 0.019, 100, None)


@pytest.mark.parametrize("few", [0, 1, 5, 50])
def test_the_most_that_chance_makes(few: int) -> None:
    most = round(200 * most_by_chance(few, 100, 200, 1e-3))
    assert chance(few, 100, most, 200) >= 1e-3
    assert most == 200 or chance(few, 100, most + 1, 200) < 1e-3
