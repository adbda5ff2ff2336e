"""What every archive is to its source: a box of members that are listed and read in place, never unpacked to disk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

INFLATED_FREE, INFLATED_RATIO = 4 << 30, 100
"""An archive may hold this many bytes, and this many times its own size: more is a decompression bomb, not pictures."""


class Member(NamedTuple):
    """A regular file in an archive."""

    name: str
    """Cleaned; two members can have one name, and then the last one counts."""
    size: int
    """As stated."""
    place: int
    """Where it is: the archive's own matter. Members read in the order of their places are read in one pass."""


class Box(Protocol):
    """An archive that is open for reading."""

    any_order: bool
    """Whether members can be read in any order at the same cost."""
    passed_over: list[tuple[str, str]]
    """Members that are not offered, and why. Complete once `walk` has ended."""

    def walk(self) -> Iterator[Member]:
        """Every member, in the order of the archive; what was yielded last may be read before the next is asked for."""

    def read(self, member: Member, limit: int) -> bytes:
        """The content of a member.

        Raises:
            BadPicture: when it is damaged, or longer than ``limit``.
            DataError: when nothing after it can be read either.
        """

    def close(self) -> None:
        """Close the file."""


def most_bytes(size: int) -> int:
    """How many bytes an archive of ``size`` bytes may hold."""
    return INFLATED_FREE + INFLATED_RATIO * size
