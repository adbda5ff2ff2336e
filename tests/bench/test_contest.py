"""Turns are shared fairly, and ratios are taken within a round."""

from __future__ import annotations

import pytest

from gantool.bench.contest import Spread, take_turns, times_faster


def test_contenders_alternate_and_every_round_counts() -> None:
    order: list[str] = []

    def runner(name: str, seconds: float) -> object:
        def turn(iterations: int) -> float:
            order.append(name)
            return seconds * iterations

        return turn

    taken = take_turns({"slow": runner("slow", 0.2), "fast": runner("fast", 0.01)}, rounds=3, turn_s=1.0)  # type: ignore[dict-item]
    assert order[-6:] == ["slow", "fast"] * 3
    assert taken["slow"] == pytest.approx([0.2] * 3) and taken["fast"] == pytest.approx([0.01] * 3)


def test_a_turn_is_a_multiple_that_lasts_about_as_long_as_asked() -> None:
    asked: list[int] = []

    def turn(iterations: int) -> float:
        asked.append(iterations)
        return iterations * 0.05

    take_turns({"lazy": turn}, rounds=2, multiples={"lazy": 8}, turn_s=1.0)
    assert asked == [8, 8, 24, 24], "a warm-up, a look at the time, two turns of three cycles"


def test_ratios_are_of_the_same_round() -> None:
    """A machine that is twice as slow for a minute slows both down, and changes no ratio."""
    seconds = {"base": [1.0, 2.0, 1.0], "other": [0.5, 1.0, 0.5]}
    assert times_faster(seconds, "base") == {"base": Spread(1, 1, 1), "other": Spread(2, 2, 2)}


def test_a_spread_is_median_and_extremes() -> None:
    assert Spread.of([3.0, 1.0, 10.0]) == Spread(3.0, 1.0, 10.0)
