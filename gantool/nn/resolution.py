"""Which image sizes the convolutional networks can draw: a small base map, doubled k times.

28 = 7·2², 32 = 4·2³, 96 = 6·2⁴. With bases 4 to 7 every side has at most one such form.
"""

from __future__ import annotations

from typing import NamedTuple

from gantool.errors import ConfigError
from gantool.images import ImageShape

SMALLEST_BASE = 4
LARGEST_BASE = 7
FEWEST_DOUBLINGS = 1
MOST_DOUBLINGS = 6


class Grid(NamedTuple):
    """The map that the generator starts from, height×width, and how often both sides are doubled."""

    height: int
    width: int
    doublings: int

    @classmethod
    def of(cls, shape: ImageShape) -> Grid:
        """The one grid that grows to ``shape``.

        Raises:
            ConfigError: naming ``data.resolution`` and the nearest sizes that work.
        """
        height, width = _split(shape.height), _split(shape.width)
        if height is None or width is None or height.doublings != width.doublings:
            raise ConfigError(_fault(shape))
        return cls(height.base, width.base, height.doublings)


class _Side(NamedTuple):
    base: int
    doublings: int

    @property
    def pixels(self) -> int:
        return self.base << self.doublings


_SIDES = [
    _Side(base, doublings)
    for doublings in range(FEWEST_DOUBLINGS, MOST_DOUBLINGS + 1)
    for base in range(SMALLEST_BASE, LARGEST_BASE + 1)
]


def _split(pixels: int) -> _Side | None:
    return next((side for side in _SIDES if side.pixels == pixels), None)


def _fault(shape: ImageShape) -> str:
    square = shape.height == shape.width
    asked = f"{shape.height}" if square else f"[{shape.height}, {shape.width}]"
    near = _nearest_sides(shape.height) if square else _nearest_pairs(shape.height, shape.width)
    both = "" if square else ", with the same number of doublings for both sides"
    return (
        f"data.resolution: {asked} is no size this architecture can draw: a side is 4, 5, 6 or 7 doubled "
        f"{FEWEST_DOUBLINGS} to {MOST_DOUBLINGS} times{both}; the nearest that work: {near}"
    )


def _nearest_sides(pixels: int) -> str:
    below = [side.pixels for side in _SIDES if side.pixels <= pixels][-1:]
    above = [side.pixels for side in _SIDES if side.pixels >= pixels][:1]
    return ", ".join(str(side) for side in below + above)


def _nearest_pairs(height: int, width: int) -> str:
    def distance(pair: tuple[_Side, _Side]) -> int:
        return abs(pair[0].pixels - height) + abs(pair[1].pixels - width)

    pairs = [(a, b) for a in _SIDES for b in _SIDES if a.doublings == b.doublings]
    return ", ".join(f"[{a.pixels}, {b.pixels}]" for a, b in sorted(pairs, key=distance)[:2])
