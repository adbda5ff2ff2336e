"""The table that is printed: case, verb, exit, seconds, memory, message."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gantool.legible import legible
from tests.hostile.trial import Outcome

HEAD = ("case", "verb", "exit", "s", "peak MB", "message")


def heading(title: str) -> str:
    """The first lines of a section."""
    return "\n".join((f"\n{title}\n", _line(HEAD), _line(["-" * len(name) for name in HEAD])))


def rendered(outcome: Outcome, folder: Path) -> str:
    """One line, and one for each thing that is wrong."""
    served = outcome.served
    message = legible(outcome.message.replace(str(folder), "…"), 170).replace("|", "\\|")
    cells = [outcome.name, outcome.verb, str(served.code), f"{served.seconds:.1f}", f"{served.peak_mb:.0f}", message]
    return "\n".join([_line(cells), *(f"  MISSED {outcome.name}: {fault}" for fault in outcome.faults)])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
