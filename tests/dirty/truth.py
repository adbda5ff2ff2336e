"""What is true of a dirty set: its good pictures, and every fault with the picture that has it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

FORMAT = 1
Half = Literal["A", "B"]


@dataclass(frozen=True)
class Good:
    """A picture without a fault."""

    name: str
    """Relative to the folder of pictures, with forward slashes."""
    label: str
    half: Half
    facts: tuple[str, ...] = ()
    """Kinds that hold of it by nature: a grey emoji is grey among colour, and saying so is no mistake."""


@dataclass(frozen=True)
class Planted:
    """A picture with one planted fault; others may come with it."""

    name: str
    kind: str
    """A key of `gantool.inspection.report.KINDS`."""
    variant: str
    """How it was made: ``truncated JPEG``, ``cropped``."""
    label: str
    """The class it is filed under."""
    half: Half
    grade: int | None = None
    """1 weakest to 3 strongest, for the soft kinds."""
    of: str | None = None
    """The good picture that it is a copy of; both are in the same half."""


@dataclass(frozen=True)
class Truth:
    """A whole set."""

    name: str
    seed: int
    resolution: int
    """Pixels a side of the good pictures: what ``small`` is measured against."""
    good: Sequence[Good]
    planted: Sequence[Planted]

    @property
    def names(self) -> list[str]:
        """Of every file."""
        return [*(one.name for one in self.good), *(one.name for one in self.planted)]

    def write(self, path: Path) -> None:
        """As JSON; the same truth gives the same bytes."""
        path.write_text(json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n", encoding="utf-8")


def read_truth(path: Path) -> Truth:
    """What `Truth.write` wrote.

    Raises:
        ValueError: for a file of another format.
    """
    told = json.loads(path.read_text(encoding="utf-8"))
    if told.pop("format", None) != FORMAT:
        raise ValueError(f"{path}: not a truth of format {FORMAT}")
    told["good"] = [Good(**{**one, "facts": tuple(one["facts"])}) for one in told["good"]]
    told["planted"] = [Planted(**one) for one in told["planted"]]
    return Truth(**told)
