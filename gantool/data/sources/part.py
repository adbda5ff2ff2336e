"""Some of the pictures of another source."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from gantool.data.base import Channels, Item, Raw, Source


class Part:
    """The pictures ``numbers`` of ``source``, ascending; closing it closes the source."""

    def __init__(self, source: Source, numbers: Sequence[int]) -> None:
        self._source = source
        self._numbers = numbers
        self.channels: Channels = source.channels
        self.classes: Sequence[str] = source.classes
        self.origin: str | None = source.origin
        self.passed_over: Sequence[tuple[str, str]] = source.passed_over

    @cached_property
    def items(self) -> Sequence[Item]:
        """Of these pictures."""
        items = self._source.items
        return [items[number] for number in self._numbers]

    def state(self) -> str:
        """Of all files of the source."""
        return self._source.state()

    def raw(self, index: int) -> Raw:
        """One of these pictures."""
        return self._source.raw(self._numbers[index])

    def close(self) -> None:
        """Close the source."""
        self._source.close()
