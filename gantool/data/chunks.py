"""Hashes of files in chunks of 4 MiB: damage is found, and can be found anywhere, in bounded memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from gantool import files

CHUNK = 4 << 20


def hashes(path: Path, tell: Callable[[int], None] | None = None) -> list[str]:
    """SHA-256 of each chunk of ``path``, the last one shorter; ``tell`` is called with each chunk's length.

    Raises:
        OSError: when the file cannot be read.
    """
    buffer = bytearray(CHUNK)
    view = memoryview(buffer)
    found = []
    with files.open_regular(path, 1 << 62) as stream:
        while length := _fill(stream.readinto, view):
            found.append(hashlib.sha256(view[:length]).hexdigest())
            if tell is not None:
                tell(length)
    return found


def _fill(read: Callable[[memoryview], int | None], view: memoryview) -> int:
    """Read until ``view`` is full or the file ends: one call may give less than was asked for."""
    length = 0
    while length < len(view) and (got := read(view[length:])):
        length += got
    return length
