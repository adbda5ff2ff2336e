"""What is to be prepared, and what was found so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gantool.data.base import DataSettings, Source
from gantool.data.decode import Options, Picture
from gantool.data.wire import Fault
from gantool.errors import DataError
from gantool.legible import legible

Progress = Callable[[str, int, int], None]
"""Called with what is going on, how many are done, and of how many."""


@dataclass(frozen=True)
class Plan:
    """What is to be made.

    Attributes:
        settings: the ``data`` section of a config.
        source: the pictures.
        numbers: those of them that are taken.
        options: how they are stored.
        seed: of the experiment.
        where: what messages call the source.
        excluded: how many of its pictures the list of exclusions names.
    """

    settings: DataSettings
    source: Source
    numbers: Sequence[int]
    options: Options
    seed: int
    where: str
    excluded: int = 0

    def name(self, number: int) -> str:
        """The name of a picture, to be printed."""
        return legible(self.source.items[number].name)


@dataclass
class Tally:
    """What was found in the pictures so far.

    Attributes:
        done: how many of the plan's pictures were looked at.
        kept: the number in the source of each row of the set.
        sizes: the original height and width of each row.
        deep: the rows whose pixels wait for the common range.
        extent: the smallest and largest value of pictures deeper than 8 bits.
        faults: name and reason of each picture that cannot be used.
        animated: how many have more frames than the first.
        size: height and width of a stored picture, as soon as there is one.
    """

    done: int = 0
    kept: list[int] = field(default_factory=list)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    deep: list[int] = field(default_factory=list)
    extent: tuple[float, float] = (float("inf"), float("-inf"))
    faults: list[tuple[str, str]] = field(default_factory=list)
    animated: int = 0
    size: tuple[int, int] | None = None

    def add(self, number: int, outcome: Picture | Fault, plan: Plan) -> None:
        """Take in what was found in one picture.

        Raises:
            DataError: when it has another size than those before it and none is set.
        """
        self.done += 1
        if isinstance(outcome, Fault):
            self.faults.append((plan.source.items[number].name, outcome.reason))
            return
        size = plan.options.size or (outcome.height, outcome.width)
        if self.size is not None and self.size != size:
            raise DataError(
                f"{plan.where}: the pictures differ in size: {plan.name(self.kept[0])} has {_text(self.size)} pixels"
                f" and {plan.name(number)} has {_text(size)}; set data.resolution (--resolution),"
                " for example 64, and they are all brought to it"
            )
        self.size = size
        if outcome.extent is not None:
            if plan.options.span == "auto":
                self.deep.append(len(self.kept))
            low, high = outcome.extent
            self.extent = min(self.extent[0], low), max(self.extent[1], high)
        self.kept.append(number)
        self.sizes.append((outcome.height, outcome.width))
        self.animated += outcome.animated


def _text(size: tuple[int, int]) -> str:
    return f"{size[1]}×{size[0]}"
