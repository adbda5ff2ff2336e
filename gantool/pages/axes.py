"""Where a chart's ticks stand, and what is written at them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

DECADES_FOR_LOG = 2
"""Positive values that span so many powers of ten are drawn on a logarithmic scale."""

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


class Axis(NamedTuple):
    """A range of values, and the ticks in it."""

    low: float
    high: float
    logarithmic: bool
    ticks: Sequence[tuple[float, str]]

    def place(self, value: float) -> float:
        """Where ``value`` stands, as a share of the axis: 0 at `low`, 1 at `high`."""
        low, high = self.low, self.high
        if self.logarithmic:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        return (value - low) / (high - low)


def axis(values: Sequence[float], *, bounds: tuple[float, float] | None = None, ticks: int = 5) -> Axis:
    """The axis for finite ``values``, linear or logarithmic.

    Args:
        values: what has to be on it; may be empty.
        bounds: what has to be on it too, for example (0, 1) for shares; the axis is linear then.
        ticks: about how many.
    """
    if bounds is not None:
        values = [*values, *bounds]
    if not values:
        values = (0.0, 1.0)
    low, high = min(values), max(values)
    if bounds is None and low > 0 and math.log10(high) - math.log10(low) >= DECADES_FOR_LOG:
        return _logarithmic(low, high)
    if low == high:
        room = abs(low) / 2 or 1.0
        low, high = low - room, high + room
    elif bounds is None:
        room = (high - low) * 0.05
        low, high = (low if low == 0 else low - room), high + room
    return _linear(low, high, ticks)


def counter_axis(values: Sequence[float], ticks: int = 5) -> Axis:
    """The axis of images seen: from the first to the last, without room beside them."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if low == high:
        low, high = min(low, 0.0), max(high, low + 1.0)
    return _linear(low, high, ticks)


def short(value: float) -> str:
    """``800``, ``12.8k``, ``1.5M``: a number of images at a tick."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            unit = 1e3 if letter == "k" else size
            return f"{value / unit:.6g}{letter}"
    return f"{value:,.6g}"


def _linear(low: float, high: float, ticks: int) -> Axis:
    rough = (high - low) / ticks
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in _STEPS if factor * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    places = [index * step for index in range(first, last + 1)]
    decimals = max(0, -math.floor(math.log10(step) + 1e-9) + (step / power == 2.5))
    if max(abs(low), abs(high)) >= 1e4:
        return Axis(low, high, False, [(place, short(place)) for place in places])
    if decimals > 6:
        return Axis(low, high, False, [(place, f"{place:.2e}") for place in places])
    return Axis(low, high, False, [(place, f"{place + 0.0:,.{decimals}f}") for place in places])


def _logarithmic(low: float, high: float) -> Axis:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = max(1, math.ceil((last - first) / 6))
    tens = [10.0**power for power in range(first, last + 1, every)]
    within = [ten for ten in tens if low * 0.999 <= ten <= high * 1.001]
    factors = (1, 2, 5) if len(within) < 3 else (1,)
    places = [ten * factor for ten in tens for factor in factors]
    room = 10 ** (0.04 * (math.log10(high) - math.log10(low)))
    low, high = low / room, high * room
    return Axis(low, high, True, [(place, _power(place)) for place in places if low <= place <= high])


def _power(value: float) -> str:
    return f"{value:,.10g}" if 1e-4 <= value < 1e6 else f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")
