"""Strangers' words, counts and numbers as a person can read them: in pages and on the terminal alike."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

from gantool.data.listing import shown

_JOINERS = "\u200c\u200d"
"""Invisible, but parts of words and of emoji."""


def visible(text: str) -> str:
    r"""A stranger's text that moves no cursor and turns no line around: what cannot be seen becomes ``\x1b``."""
    return "".join(
        char if char.isprintable() or char in _JOINERS else char.encode("unicode_escape").decode("ascii")
        for char in shown(text)
    )


def shortened(text: str, width: int) -> str:
    """``text`` in at most ``width`` columns: its middle goes, a path's end and a file's suffix stay."""
    if cell_len(text) <= width:
        return text
    tail = 2 * (width - 1) // 3
    head = width - 1 - tail
    backwards = set_cell_size(text[::-1], tail)[::-1]  # of a character two columns wide that is cut, a space stays
    return set_cell_size(text, head) + "…" + backwards


def counted(number: int, noun: str) -> str:
    """``1 picture``, ``2,000 pictures``."""
    return f"{number:,} {noun}{'s' * (number != 1)}"
