"""What was found in each picture so far, so that a preparation that was killed goes on instead of beginning again.

The first line holds the key of the work; then comes a line a picture, in order: ``[number, sha256, height, width,
animated, extent]``, or ``[number, reason]`` for one that cannot be used. When pictures deeper than 8 bits are scaled
afterwards, lines such as ``{"scaled": 512}`` say how many are done. A line is written after what it speaks of is on the
disk: after a kill or a power cut the journal says less than was done, and never more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gantool.data.decode import Picture
from gantool.data.wire import Fault
from gantool.data.writer import sync

FORMAT = 1


class Journal:
    """The journal in ``path``, begun where there is none.

    Attributes:
        scaled: how many of the deep pictures are scaled; known once `entries` has come to its end.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.scaled = 0
        self._scaled_noted = 0
        self._waiting: list[str] = []
        self._start = len(_head(key))
        self._stream = path.open("r+b" if path.exists() else "w+b")
        if self._stream.read(self._start) != _head(key):
            self._stream.seek(0)
            self._stream.truncate()
            self._stream.write(_head(key))
            self._stream.flush()

    @staticmethod
    def is_of(path: Path, key: str) -> bool:
        """Whether ``path`` is the journal of this very work."""
        try:
            with path.open("rb") as stream:
                return stream.read(len(_head(key))) == _head(key)
        except OSError:
            return False

    def entries(self) -> Iterator[tuple[int, Picture | Fault]]:
        """What stands in it, without pixels. What follows the last line that was written whole is cut off."""
        end, last = self._start, -1
        self._stream.seek(end)
        for line in self._stream:
            entry = _parsed(line)
            if isinstance(entry, int):
                self.scaled = self._scaled_noted = entry
            elif entry is None or entry[0] <= last:  # broken, or a repetition after an interrupted write
                break
            else:
                last = entry[0]
                yield entry
            end += len(line)
        self._stream.seek(end)
        self._stream.truncate()

    def add(self, number: int, outcome: Picture | Fault) -> None:
        """Take in one line, to be written by `write`."""
        if isinstance(outcome, Fault):
            values: list[Any] = [number, outcome.reason]
        else:
            values = [number, outcome.sha256, outcome.height, outcome.width, outcome.animated, outcome.extent]
        self._waiting.append(json.dumps(values) + "\n")

    def write(self) -> None:
        """Write what was taken in, once it is on the disk what that speaks of."""
        if self.scaled > self._scaled_noted:
            self._waiting.append(json.dumps({"scaled": self.scaled}) + "\n")
            self._scaled_noted = self.scaled
        self._stream.write("".join(self._waiting).encode("ascii"))
        self._waiting.clear()
        sync(self._stream)

    def close(self) -> None:
        """Close the file; lines that were not written are lost."""
        self._stream.close()


def _head(key: str) -> bytes:
    return (json.dumps({"journal": FORMAT, "key": key}) + "\n").encode("ascii")


def _parsed(line: bytes) -> tuple[int, Picture | Fault] | int | None:
    """An entry, or a count of scaled pictures; None for a line that was not written to its end."""
    try:
        values = json.loads(line if line.endswith(b"\n") else b"null")
        if isinstance(values, dict):
            return int(values["scaled"])
        if len(values) == 2:
            return int(values[0]), Fault(values[1])
        number, sha256, height, width, animated, extent = values
    except (ValueError, KeyError, TypeError):
        return None
    return number, Picture(None, height, width, sha256, animated, extent and (extent[0], extent[1]))
