"""Lines of a log, as many as can be drawn: however long the log is, what is kept of it stays within a number of values.

As long as there is room every line is kept. Then neighbouring stretches of the log are joined, again and again, and of
each stretch only its ends, every curve's extremes and one gap of every curve stay: what `gantool.pages.charts` draws.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

MOST_VALUES = 400_000
"""Of all lines together; about 100 bytes each."""
MOST_NAMES = 100
"""Curves; the first ones of a log that has more."""


@dataclass(frozen=True)
class Line:
    """One measurement: numbers, or None where there was none."""

    images_seen: float
    values: Mapping[str, float | None]


class Thinned:
    """Takes lines in order, and keeps those that a curve needs."""

    def __init__(self, most_values: int = MOST_VALUES) -> None:
        self._most = most_values
        self._names: dict[str, str] = {}
        self._stretches: list[list[Line]] = []
        self._length = 1  # lines of the log that a stretch stands for
        self._room = 0  # lines that the last stretch still takes
        self._values = 0
        self.names_left_out = False

    def add(self, images_seen: float, values: Iterable[tuple[str, float | None]]) -> None:
        """One line more."""
        line = Line(images_seen, dict(self._known(values)))
        if not self._room:
            self._stretches.append([])
            self._room = self._length
        self._stretches[-1].append(line)
        self._room -= 1
        self._values += 1 + len(line.values)
        if self._values > self._most:
            self._thin()

    def lines(self) -> list[Line]:
        """What was kept, in order."""
        return [line for stretch in self._stretches for line in stretch]

    def _known(self, values: Iterable[tuple[str, float | None]]) -> Iterable[tuple[str, float | None]]:
        """With names that all lines share: JSON's reader makes new ones for every line."""
        for name, value in values:
            if name not in self._names:
                if len(self._names) >= MOST_NAMES:
                    self.names_left_out = True
                    continue
                self._names[name] = name
            yield self._names[name], value

    def _thin(self) -> None:
        """Down to half of what may be kept, so that it is seldom done."""
        self._keep([_needed(stretch) for stretch in self._stretches])
        while self._values > self._most / 2 and len(self._stretches) > 1:
            self._join()

    def _join(self) -> None:
        """Two stretches become one, all along the log; the last may have room for as many lines as one had."""
        pairs = [self._stretches[index : index + 2] for index in range(0, len(self._stretches), 2)]
        self._room += self._length * (len(pairs[-1]) == 1)
        self._length *= 2
        self._keep([_needed([line for stretch in pair for line in stretch]) for pair in pairs])

    def _keep(self, stretches: list[list[Line]]) -> None:
        self._stretches = stretches
        self._values = sum(1 + len(line.values) for stretch in stretches for line in stretch)


def _needed(lines: Sequence[Line]) -> list[Line]:
    """Of a stretch: first and last, and each curve's lowest, highest and first gap."""
    kept = {0, len(lines) - 1}
    lowest, highest = dict[str, tuple[float, int]](), dict[str, tuple[float, int]]()
    gaps: dict[str, int] = {}
    for place, line in enumerate(lines):
        for name, value in line.values.items():
            if value is None:
                gaps.setdefault(name, place)
                continue
            if name not in lowest or value < lowest[name][0]:
                lowest[name] = (value, place)
            if name not in highest or value > highest[name][0]:
                highest[name] = (value, place)
    kept.update(gaps.values())
    kept.update(place for extremes in (lowest, highest) for _, place in extremes.values())
    return [lines[place] for place in sorted(kept)]
