"""Taking turns, so that a machine that slows down for a minute slows everybody down."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Turn = Callable[[int], float]
"""Runs so many iterations, and gives the seconds they took."""

WARM_UP = 3
_TURN_S = 0.5


@dataclass(frozen=True)
class Spread:
    """The median of several rounds, and their extremes."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one value."""
        return cls(statistics.median(values), min(values), max(values))


def take_turns(
    contenders: Mapping[str, Turn],
    *,
    rounds: int,
    multiples: Mapping[str, int] | None = None,
    turn_s: float = _TURN_S,
    progress: Callable[[int], None] = lambda _: None,
) -> dict[str, list[float]]:
    """Seconds an iteration by contender, one number a round.

    Args:
        contenders: who runs; they go in this order in every round.
        rounds: how often each has a turn.
        multiples: a contender's turn is a multiple of so many iterations.
        turn_s: about how long a turn lasts; at least one multiple.
        progress: told how many rounds are done.
    """
    lengths: dict[str, int] = {}
    for name, turn in contenders.items():
        unit = (multiples or {}).get(name, 1)
        turn(max(unit, WARM_UP))
        lengths[name] = unit * max(1, math.ceil(turn_s / turn(unit)))
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for done in range(rounds):
        for name, turn in contenders.items():
            seconds[name].append(turn(lengths[name]) / lengths[name])
        progress(done + 1)
    return seconds


def times_faster(seconds: Mapping[str, Sequence[float]], base: str) -> dict[str, Spread]:
    """How many times faster each is than ``base``: ratios within a round, for a round's minute is the same for all."""
    return {
        name: Spread.of([slow / fast for slow, fast in zip(seconds[base], own, strict=True)])
        for name, own in seconds.items()
    }
