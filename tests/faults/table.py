"""What was tried, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """One trial.

    Attributes:
        what: the row it counts in.
        name: the trial itself, so that it can be found again.
        tried: the fault struck where it was meant to.
        survived: the run went on and ended as promised.
        missed: in what it then differs from a run left alone, or what went wrong; "" for nothing.
        note: a figure for the row.
        skipped: why this machine cannot try it.
        came_of: in a word, where a promise can be kept in several ways; the row counts them.
    """

    what: str
    name: str
    tried: bool
    survived: bool
    missed: str
    note: str = ""
    came_of: str = ""
    skipped: str = ""

    @property
    def is_well(self) -> bool:
        """Whether the promise was kept."""
        return bool(self.skipped) or (self.tried and self.survived and not self.missed)


@dataclass(frozen=True)
class Row:
    """All trials of one kind."""

    what: str
    wanted: int
    outcomes: Sequence[Outcome]

    @property
    def is_well(self) -> bool:
        """Whether every trial took place and kept the promise."""
        return len(self.outcomes) == self.wanted and all(outcome.is_well for outcome in self.outcomes)

    def cells(self) -> list[str]:
        """Of the table."""
        tried = [outcome for outcome in self.outcomes if outcome.tried]
        survived = [outcome for outcome in tried if outcome.survived]
        identical = [outcome for outcome in survived if not outcome.missed]
        ways = Counter(outcome.came_of for outcome in self.outcomes if outcome.came_of)
        notes = [outcome.note for outcome in self.outcomes if outcome.note]
        notes += [", ".join(f"{way} {count:,}" for way, count in sorted(ways.items()))] if ways else []
        notes += [f"skipped: {outcome.skipped}" for outcome in self.outcomes if outcome.skipped]
        wanted = self.wanted - sum(bool(outcome.skipped) for outcome in self.outcomes)
        counts = [f"{len(tried)} of {wanted}", str(len(survived)), str(len(identical))]
        return [self.what, *counts, notes[-1] if notes else ""]


HEAD = ("what", "points tried", "survived", "identical", "")


def heading() -> str:
    """The first two lines."""
    return "\n".join((_line(HEAD), _line(["-" * len(name) or "-" for name in HEAD])))


def rendered(row: Row) -> str:
    """One line, and one for every trial that went wrong."""
    wrong = [outcome for outcome in row.outcomes if not outcome.is_well]
    return "\n".join([_line(row.cells()), *(f"  MISSED {outcome.name}: {_why(outcome)}" for outcome in wrong)])


def _why(outcome: Outcome) -> str:
    return outcome.missed if outcome.tried else f"the fault never struck; {outcome.missed}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
