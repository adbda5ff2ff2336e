"""Curves as inline SVG: laid out here, written by ``charts.html.j2``, coloured by the page's style.

A chart has one counter for all its curves. A value that is NaN is a gap; where there is None, nothing was measured, and
a curve goes straight on. Long curves are thinned so that every
extreme stays. Drawings are small, for many side by side; their text then stays legible on a telephone.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from gantool.pages.axes import Axis, axis, counter_axis
from gantool.pages.text import number

WIDTH, HEIGHT = 380, 210
"""Of a drawing, in its own units: about CSS pixels."""
MOST_POINTS = 500

_TOP, _RIGHT, _BOTTOM = 14, 12, 24
_BEYOND = 1e100
_LETTER = 6.3
"""Width of a letter at a tick."""


@dataclass(frozen=True)
class Series:
    """One curve: a value for every place of the chart's counter, NaN for a gap, None where nothing was measured."""

    name: str
    values: Sequence[float | None]
    floor: bool = False
    """Whether it is what another curve is measured against: drawn dashed."""


@dataclass(frozen=True)
class Mark:
    """Something that happened: a thin line with a number, which the page explains."""

    at: float
    number: int


@dataclass(frozen=True)
class Chart:
    """What a chart shows."""

    title: str
    counter: Sequence[float]
    series: Sequence[Series]
    better: Literal["lower", "higher"] | None = None
    """Of a metric; the best of the first series is then marked."""
    bounds: tuple[float, float] | None = None
    marks: Sequence[Mark] = ()
    unit: str = ""


@dataclass(frozen=True)
class Line:
    """A curve, drawn."""

    name: str
    colour: str
    """Names its class in the style."""
    path: str
    dots: Sequence[tuple[float, float]]
    """Points without neighbours, which a path would not show."""


@dataclass(frozen=True)
class Drawing:
    """A chart, laid out: every number is in the drawing's own units."""

    title: str
    about: str
    """How to read it, and what it comes to, in words."""
    described: str
    """For those who cannot see it."""
    left: float
    right: float
    top: float
    bottom: float
    across: Sequence[tuple[float, str]]
    """Ticks of the counter."""
    up: Sequence[tuple[float, str]]
    lines: Sequence[Line]
    marks: Sequence[float]
    """Where something happened."""
    numbers: Sequence[tuple[float, str]]
    """What stands above the marks; one for those that stand too near to one another."""
    best: tuple[float, float] | None
    readings: str
    """JSON: [[x, "what stands there"], …], for the tooltip."""
    width: int = field(default=WIDTH)
    height: int = field(default=HEIGHT)


def draw(chart: Chart) -> Drawing | None:
    """The chart laid out; None where it has no value at all."""
    kept = _thinned(chart)
    counter = [float(chart.counter[index]) for index in kept]
    rows = [[_finite(one.values[index]) for index in kept] for one in chart.series]
    present = [value for row in rows for value in row if value is not None]
    if not present:
        return None
    up, across = axis(present, bounds=chart.bounds), counter_axis(counter)
    left = 10 + _LETTER * max((len(text) for _, text in up.ticks), default=1)
    inner = _Frame(across, up, round(left, 1), WIDTH - _RIGHT, _TOP, HEIGHT - _BOTTOM)
    best = _best(chart, kept)
    marks = [(inner.x(mark.at), mark.number) for mark in chart.marks if across.low <= mark.at <= across.high]
    return Drawing(
        title=chart.title,
        about=_about(chart, up, best),
        described=f"{chart.title}: "
        + "; ".join(_described(one.name, row) for one, row in zip(chart.series, rows, strict=True)),
        left=inner.left,
        right=inner.right,
        top=inner.top,
        bottom=inner.bottom,
        across=_apart([(inner.x(place), text) for place, text in across.ticks]),
        up=[(inner.y(place), text) for place, text in up.ticks],
        lines=_lines(chart, kept, inner),
        marks=sorted({x for x, _ in marks}),
        numbers=_numbers(marks),
        best=None if best is None else (inner.x(chart.counter[best[0]]), inner.y(best[1])),
        readings=json.dumps(_readings(chart, counter, rows, inner), ensure_ascii=True),
    )


@dataclass(frozen=True)
class _Frame:
    """Where the curves are, between the axes."""

    across: Axis
    up: Axis
    left: float
    right: float
    top: float
    bottom: float

    def x(self, value: float) -> float:
        return round(self.left + (self.right - self.left) * self.across.place(value), 1)

    def y(self, value: float) -> float:
        return round(self.bottom - (self.bottom - self.top) * self.up.place(value), 1)


def _finite(value: float | None) -> float | None:
    """A value that can be drawn: of what is beyond any measure there is none, and what is next to nothing is 0."""
    if value is None or not abs(value) < _BEYOND:
        return None
    return float(value) if abs(value) > 1 / _BEYOND else 0.0


def _thinned(chart: Chart) -> list[int]:
    """The places that are drawn: first and last, and of every stretch its extremes and one gap where it has one."""
    count = len(chart.counter)
    if count <= MOST_POINTS:
        return list(range(count))
    stretches = max(1, MOST_POINTS // (3 * max(1, len(chart.series))))
    kept = {0, count - 1}
    for stretch in range(stretches):
        places = range(stretch * count // stretches, (stretch + 1) * count // stretches)
        for one in chart.series:
            known = [(value, place) for place in places if (value := _finite(one.values[place])) is not None]
            kept.update(place for _, place in (known and (min(known), max(known))) or ())
            gaps = (place for place in places if one.values[place] is not None and _finite(one.values[place]) is None)
            kept.update(itertools.islice(gaps, 1))
    return sorted(kept)


def _best(chart: Chart, kept: Sequence[int]) -> tuple[int, float] | None:
    """Place and value of the best of a metric, the first of equals."""
    if chart.better is None or not chart.series:
        return None
    known = [(value, place) for place in kept if (value := _finite(chart.series[0].values[place])) is not None]
    if not known:
        return None
    choose = min if chart.better == "lower" else max
    value = choose(known)[0]
    return next(place for one, place in known if one == value), value


def _about(chart: Chart, up: Axis, best: tuple[int, float] | None) -> str:
    words = [f"{chart.better} is better"] if chart.better else []
    if best is not None:
        words.append(f"best {number(best[1])} at {chart.counter[best[0]]:,.0f} images")
    if chart.unit:
        words.append(chart.unit)
    if up.logarithmic:
        words.append("logarithmic scale")
    return " · ".join(words)


def _described(name: str, row: Sequence[float | None]) -> str:
    known = [value for value in row if value is not None]
    if not known:
        return f"{name} has no values"
    return (
        f"{name} from {number(known[0])} to {number(known[-1])}, between {number(min(known))} and {number(max(known))}"
    )


def _lines(chart: Chart, kept: Sequence[int], frame: _Frame) -> list[Line]:
    lines, colour = [], 0
    counter = [chart.counter[index] for index in kept]
    for one in chart.series:
        colour += not one.floor
        values = [one.values[index] for index in kept]
        path, dots, stretch = "", [], list[tuple[float, float]]()
        measured = [(place, _finite(value)) for place, value in zip(counter, values, strict=True) if value is not None]
        for place, value in [*measured, (0.0, None)]:
            if value is not None:
                stretch.append((frame.x(place), frame.y(value)))
                continue
            if len(stretch) == 1:
                dots.append(stretch[0])
            elif stretch:
                path += "M" + "L".join(f"{x:g} {y:g}" for x, y in stretch)
            stretch = []
        lines.append(Line(one.name, "floor" if one.floor else f"s{(colour - 1) % 6 + 1}", path, dots))
    return lines


def _readings(
    chart: Chart, counter: Sequence[float], rows: Sequence[Sequence[float | None]], frame: _Frame
) -> list[tuple[float, str]]:
    found = []
    for index, place in enumerate(counter):
        values = [
            f"{one.name} {number(row[index])}"
            for one, row in zip(chart.series, rows, strict=True)
            if row[index] is not None
        ]
        found.append((frame.x(place), " · ".join([f"{place:,.0f} images", *values])))
    return found


def _numbers(marks: Sequence[tuple[float, int]]) -> list[tuple[float, str]]:
    """Numbers that would stand on one another become one text: "1–3", "2, 5"."""
    groups: list[list[tuple[float, int]]] = []
    for x, mark in sorted(marks):
        if groups and x - groups[-1][-1][0] <= _LETTER * (len(_together(groups[-1])) + len(str(mark))) / 2 + 3:
            groups[-1].append((x, mark))
        else:
            groups.append([(x, mark)])
    return [(round((group[0][0] + group[-1][0]) / 2, 1), _together(group)) for group in groups]


def _together(group: Sequence[tuple[float, int]]) -> str:
    numbers = sorted(mark for _, mark in group)
    if len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{numbers[0]}–{numbers[-1]}"
    return ", ".join(map(str, numbers[:3])) + " …" * (len(numbers) > 3)


def _apart(ticks: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Only as many ticks of the counter as have room for their words."""
    kept: list[tuple[float, str]] = []
    for x, text in ticks:
        if not kept or x - kept[-1][0] > _LETTER * (len(text) + len(kept[-1][1])) / 2 + 8:
            kept.append((x, text))
    return kept
