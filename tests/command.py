"""How a command ended, within this process."""

from __future__ import annotations

from typing import NamedTuple


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str
