"""From labels to classes: which there are, and in which order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from gantool.data.base import Item
from gantool.data.decode import BadPicture
from gantool.errors import DataError

MOST_CLASSES = 100_000
"""A larger number is an identity, not a class."""

_NUMBER = re.compile(r"-?\d{1,18}")


def ordered(labels: Iterable[str]) -> tuple[str, ...]:
    """The different labels: numbers by value where all are numbers, else by their text."""
    distinct = set(labels)
    if all(_NUMBER.fullmatch(label) for label in distinct):
        return tuple(sorted(distinct, key=lambda label: (int(label), label)))
    return tuple(sorted(distinct))


def numbered(labels: Iterable[int], place: str) -> tuple[str, ...]:
    """``0`` … the largest of ``labels``, used or not; nothing for no labels.

    Raises:
        DataError: for numbers that cannot be classes.
    """
    values = set(labels)
    if not values:
        return ()
    if min(values) < 0 or max(values) >= MOST_CLASSES:
        odd = min(values) if min(values) < 0 else max(values)
        raise DataError(f"{place}: a label {odd} cannot be right; classes are numbered from 0 to {MOST_CLASSES - 1:,}")
    return tuple(str(number) for number in range(max(values) + 1))


def as_label(value: Any) -> str | None:
    """A label as it is written in JSON, as text; None where there is none.

    Raises:
        TypeError: for what is neither a number nor text.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():  # what tables make of whole numbers when some are missing
        value = int(value)
    if value is None or value == "" or value != value:  # noqa: PLR0124 - not a number
        return None
    if not isinstance(value, int | str):
        raise TypeError("a label must be a whole number or text")
    return str(value).strip() or None


def require_label(item: Item, classes: Sequence[str]) -> None:
    """Refuse a picture without a label in a set that has them.

    Raises:
        BadPicture: this picture cannot be used; with ``skip_bad`` it is left out.
    """
    if classes and item.label is None:
        raise BadPicture("has no label, and others have")
