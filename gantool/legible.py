r"""Strangers' text, fit for a terminal: the names of files and classes, and what a file says about itself.

What moves a cursor, colours a line, turns it around or breaks it in two becomes an escape such as ``\x1b``; what is
too long loses its middle. Letters of every script stay as they are. What this does not do: HTML, which is the matter
of the templates, and telling letters apart that look alike.
"""

from __future__ import annotations

MOST = 200
"""Characters of one name in a message."""
MOST_OF_A_MESSAGE = 20_000
"""A config can have a thousand faults; nobody reads more of them than this."""

_JOINERS = "\u200c\u200d"
"""Invisible, but parts of words and of emoji."""


def escaped(text: str) -> str:
    r"""``text`` of any length, on one line: what cannot be seen becomes ``\x1b``, ``\n``, ``\u202e``, ``\udcff``."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in _JOINERS else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def legible(text: object, most: int = MOST) -> str:
    """`escaped`, and at most ``most`` characters: the middle goes, a path's end and a file's suffix stay."""
    found = str(text)
    if len(found) > 2 * most:  # before any work is done on it
        found = found[:most] + found[-most:]
    found = escaped(found)
    if len(found) <= most:
        return found
    tail = 2 * (most - 1) // 3
    return found[: most - 1 - tail] + "…" + found[len(found) - tail :]


def legible_lines(text: str, most: int = MOST_OF_A_MESSAGE) -> str:
    """A whole message: its lines stay lines, everything else is `escaped`; what is beyond ``most`` goes."""
    lines = "\n".join(escaped(line) for line in text[: most + 1].split("\n"))
    return lines if len(lines) <= most else lines[:most] + "…"
