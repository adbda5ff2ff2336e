"""Where a value came from: a line of a file, or a ``--set``. Every fault begins with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from gantool.yamlfile import KeyPath


class Fault(NamedTuple):
    """One fault; faults sort in the order of the file, the command line's after them."""

    line: float
    text: str


@dataclass
class Origins:
    """Key path → origin.

    Attributes:
        file: what messages call the file.
        lines: the line of each value that the file gave.
        overrides: for each value that ``--set`` gave, the path that it was given for, and what was typed.
    """

    file: str
    lines: dict[KeyPath, int] = field(default_factory=dict)
    overrides: dict[KeyPath, tuple[KeyPath, str]] = field(default_factory=dict)

    def override(self, path: KeyPath, typed: str) -> None:
        """From now on ``path``, all below it, and each section that was made for it, comes from ``typed``."""
        self.lines = {known: line for known, line in self.lines.items() if known[: len(path)] != path}
        self.overrides = {known: given for known, given in self.overrides.items() if known[: len(path)] != path}
        for length in range(1, len(path) + 1):
            if path[:length] not in self.lines:
                self.overrides.setdefault(path[:length], (path, typed))

    def fault(self, path: KeyPath, message: str) -> Fault:
        """``file.yaml:12: data.path: message``; something missing stands where its section stands."""
        key = f"{dotted(path)}: " if path else ""
        for length in range(len(path), -1, -1):
            origin = path[:length]
            if origin in self.overrides:
                given, typed = self.overrides[origin]
                return Fault(float("inf"), f"{typed}: {'' if given == path else key}{message}")
            if origin in self.lines:
                line = self.lines[origin]
                return Fault(line, f"{self.file}:{line}: {key}{message}")
        return Fault(0, f"{self.file}: {key}{message}")


def dotted(path: KeyPath) -> str:
    """``penalties.0.weight``, as ``--set`` takes it."""
    return ".".join(map(str, path))
