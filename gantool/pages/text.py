"""Strangers' words, counts and numbers as a person can read them: in pages and on the terminal alike."""

from __future__ import annotations

import math
from collections.abc import Callable

from rich.cells import cell_len, set_cell_size
from rich.console import Console

from gantool.legible import escaped

_PLAINER = {
    "×": "x",
    "…": "~",
    "’": "'",
    "–": "-",
    "−": "-",
    "±": "+/-",
    "★": "*",
    "→": ">",
    "↓": "v",
    "↑": "^",
    "¹": "(1)",
    "é": "e",
}
_LARGEST, _SMALLEST = 1e15, 1e-7
"""Numbers from the one on, and deviations below the other, are written as powers of ten."""


def visible(text: str) -> str:
    r"""A stranger's text that moves no cursor and turns no line around: what cannot be seen becomes ``\x1b``."""
    return escaped(text)


def shortened(text: str, width: int) -> str:
    """``text`` in at most ``width`` columns: its middle goes, a path's end and a file's suffix stay."""
    if cell_len(text) <= width:
        return text
    tail = 2 * (width - 1) // 3
    head = width - 1 - tail
    backwards = set_cell_size(text[::-1], tail)[::-1]  # of a character two columns wide that is cut, a space stays
    return set_cell_size(text, head) + "…" + backwards


def plain_for(console: Console) -> Callable[[str], str]:
    """What makes a text one that ``console`` can print: a sign that its encoding lacks gets a plainer one."""
    encoding = console.encoding

    def plain(text: str) -> str:
        try:
            text.encode(encoding)
        except UnicodeEncodeError:
            return "".join(_plainer(char, encoding) for char in text)
        return text

    return plain


def counted(number: int, noun: str) -> str:
    """``1 picture``, ``2,000 pictures``."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def number(value: float | None, deviation: float | None = None) -> str:
    """A measured value with as many digits as mean something: two of its deviation, else four of its own."""
    if value is None or not math.isfinite(value):
        return "–"
    if deviation is not None and math.isfinite(deviation) and deviation > 0:
        if deviation < _SMALLEST or max(abs(value), deviation) >= _LARGEST:
            return f"{number(value)} ± {deviation:.1e}"
        decimals = max(0, 1 - math.floor(math.log10(deviation)))
        return f"{value:,.{decimals}f} ± {deviation:,.{decimals}f}"
    if value == 0:
        return "0"
    if not 1e-6 <= abs(value) < _LARGEST:
        return f"{value:.3e}"
    decimals = max(0, 3 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def whole(value: float) -> str:
    """``1,234``; a power of ten where that would run over the page."""
    return f"{value:,.0f}" if abs(value) < _LARGEST else number(value)


def share(value: float, decimals: int = 1) -> str:
    """``12.5%``; as it is where it is no share at all."""
    return f"{value:.{decimals}%}" if abs(value) < 1e6 else number(value)


def _plainer(char: str, encoding: str) -> str:
    try:
        char.encode(encoding)
    except UnicodeEncodeError:
        return _PLAINER.get(char) or char.encode(encoding, "backslashreplace").decode(encoding)
    return char
