"""What a hostile file is: how it is made, who is asked to read it, and what should come of that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

MARKUP = "<img src=x onerror=alert(1)>"
"""In names: what must never stand in a page as it is here."""
CONTROL = "\x1b[2J\x1b]0;owned\x07\r"
"""In names: clears a terminal and renames its window."""
TURNED = "\u202egnp.exe"
"""In names: reads backwards."""


@dataclass(frozen=True)
class Room:
    """Where one trial takes place.

    Attributes:
        folder: all of it. Three folders below it lie the input and, beside it, the canaries.
        bait: the file that code in a payload would make.
    """

    folder: Path

    @property
    def given(self) -> Path:
        """Where the hostile file lies: deep enough that ``../../..`` stays in the room."""
        return self.folder / "home" / "some" / "where"

    @property
    def out(self) -> Path:
        """What the verb may write to; also its working folder."""
        return self.folder / "out"

    @property
    def bait(self) -> Path:
        """What a payload would make."""
        return self.folder / "home" / "code-was-run"

    @property
    def secret(self) -> Path:
        """A file that no archive may lead to."""
        return self.folder / "home" / "secret.txt"


Make = Callable[[Room], Path]
"""Makes the hostile file and gives what the verb is told to read."""


@dataclass(frozen=True)
class Case:
    """One trial.

    Attributes:
        name: what is hostile about it.
        make: makes it.
        verb: who reads it, a key of `verbs.VERBS`.
        says: a part of the message, which a person needs.
        codes: the exit codes that are right.
        names: what a refusal names; None for the file. A config that asks for too much is refused by its key.
        more_mb: what it may take beyond the allowance, because it is within what is said to be read.
    """

    name: str
    make: Make
    verb: str
    says: str
    codes: Sequence[int]
    names: str | None = None
    more_mb: float = 0.0
