"""The long part of a preparation: every picture decoded to its end and appended to the set, in bounded memory.

Pictures deeper than 8 bits with ``range: auto`` are decoded twice: their common range is known only after all were
seen. What was done is noted in a journal, and whoever comes after a kill goes on from there, through the same code.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from gantool.data.base import DEPTH, DataSettings, Source
from gantool.data.decode import Options, Picture
from gantool.data.journal import Journal
from gantool.data.listing import shown
from gantool.data.perceptual import PRINT_BYTES
from gantool.data.worker import Fault, decoding
from gantool.data.workers import raws_of, work
from gantool.data.workshop import Workshop, require_space
from gantool.data.writer import ShardWriter, sync
from gantool.errors import DataError

Progress = Callable[[str, int, int], None]
"""Called with what is going on, how many are done, and of how many."""

NOTED_EVERY = 1.0
"""Seconds of work that a kill may cost."""

_TELL_EVERY = 64


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
        return shown(self.source.items[number].name)


@dataclass
class Tally:
    """What was found in the pictures so far.

    Attributes:
        done: how many of the plan's pictures were looked at.
        kept: the number in the source of each row of the set.
        areas: the original pixels of each row.
        deep: the rows whose pixels wait for the common range.
        extent: the smallest and largest value of pictures deeper than 8 bits.
        faults: name and reason of each picture that cannot be used.
        animated: how many have more frames than the first.
        size: height and width of a stored picture, as soon as there is one.
    """

    done: int = 0
    kept: list[int] = field(default_factory=list)
    areas: list[int] = field(default_factory=list)
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
        self.areas.append(outcome.height * outcome.width)
        self.animated += outcome.animated


def _text(size: tuple[int, int]) -> str:
    return f"{size[1]}×{size[0]}"


class Maker:
    """The making of a set in a workshop: `decode`, then `scale`.

    Args:
        plan: what is made.
        shop: where.
        key: of the work; what other work has left in the workshop is removed.
        progress: called every few pictures.
        workers: decoding processes; None chooses.
    """

    def __init__(self, plan: Plan, shop: Workshop, key: str, progress: Progress, workers: int | None) -> None:
        self._plan = plan
        self._shop = shop
        self._progress = progress
        self._workers = workers
        self._noted = time.monotonic()
        if not Journal.is_of(shop.journal, key):
            shop.clear()
        try:
            self._take_up(key)
        except EOFError:  # somebody took some of it away
            self._let_go()
            shop.clear()
            self._take_up(key)

    def __enter__(self) -> Maker:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # a full disk: then a little less is noted
            self._note()
        self._let_go()

    def decode(self) -> Tally:
        """Decode the pictures that are not decoded yet."""
        plan, tally = self._plan, self._tally
        rest = plan.numbers[tally.done :]
        if plan.options.pixel_bytes is not None:
            copies = 2 if plan.settings.deduplicate else 1
            require_space(self._shop.set, plan.options.pixel_bytes * (copies * len(plan.numbers) - len(tally.kept)))
        with contextlib.closing(self._outcomes(rest, plan.options, "decode", tally.done)) as outcomes:
            for number, outcome in zip(rest, outcomes, strict=True):
                tally.add(number, outcome, plan)
                if isinstance(outcome, Picture):
                    self._store.append(outcome, tally)
                self._journal.add(number, outcome)
                self._note_now_and_then()
        self._note()
        self._store.close()
        return tally

    def scale(self) -> None:
        """Fill in the pictures deeper than 8 bits, now that their common range is known.

        Raises:
            DataError: when one of them has changed since it was decoded.
        """
        plan, tally, done = self._plan, self._tally, self._journal.scaled
        rows = tally.deep[done:]
        numbers = [tally.kept[row] for row in rows]
        options = plan.options._replace(span=tally.extent, prints=False)
        with contextlib.closing(self._outcomes(numbers, options, "scale", done)) as outcomes:
            for row, number, outcome in zip(rows, numbers, outcomes, strict=True):
                if isinstance(outcome, Fault) or outcome.pixels is None:
                    raise DataError(
                        f"{plan.where}: {plan.name(number)} changed while it was being prepared; start again"
                    )
                self._store.fill(row, outcome.pixels)
                self._journal.scaled += 1
                self._note_now_and_then()
        self._note()

    def _outcomes(
        self, numbers: Sequence[int], options: Options, what: str, before: int
    ) -> Generator[Picture | Fault, None, None]:
        """Decode the pictures ``numbers``, in order, and tell how far it is; ``before`` were done before."""
        if not numbers:
            return
        outcomes = work(raws_of(self._plan.source, numbers), decoding(options), self._workers, len(numbers))
        total = before + len(numbers)
        with contextlib.closing(outcomes):
            for done, outcome in enumerate(outcomes, start=before + 1):
                yield outcome
                if done % _TELL_EVERY == 0 or done == total:
                    self._progress(what, done, total)

    def _take_up(self, key: str) -> None:
        """Take up what an earlier process left; nothing, mostly.

        Raises:
            EOFError: when it does not fit together.
        """
        plan = self._plan
        self._tally = Tally()
        self._store = Store(self._shop, DEPTH[plan.options.channels], prints=plan.options.prints)
        self._journal = Journal(self._shop.journal, key)
        for number, outcome in self._journal.entries():
            self._tally.add(number, outcome, plan)
        if self._tally.kept:
            self._store.open(self._tally)

    def _let_go(self) -> None:
        self._store.release()
        self._journal.close()

    def _note_now_and_then(self) -> None:
        if time.monotonic() - self._noted >= NOTED_EVERY:
            self._note()

    def _note(self) -> None:
        """Write down what was done, once it is on the disk."""
        self._store.sync()
        self._journal.write()
        self._noted = time.monotonic()


class Store:
    """The pixels of a set in the making, and the prints beside it where they are wanted."""

    def __init__(self, shop: Workshop, depth: int, *, prints: bool) -> None:
        self._shop = shop
        self._depth = depth
        self._with_prints = prints
        self._writer: ShardWriter | None = None
        self._prints: BinaryIO | None = None

    def open(self, tally: Tally) -> None:
        """Open it for pictures of the tally's size, and cut off what follows the rows that the tally has.

        Raises:
            EOFError: when it holds fewer rows.
        """
        height, width = tally.size or (0, 0)
        rows = len(tally.kept)
        self._writer = ShardWriter(self._shop.set, (height, width, self._depth), rows)
        if self._with_prints:
            self._prints = self._shop.prints.open("r+b" if rows else "w+b")
            if self._prints.seek(0, os.SEEK_END) < rows * PRINT_BYTES:
                self.release()
                raise EOFError
            self._prints.truncate(rows * PRINT_BYTES)
            self._prints.seek(rows * PRINT_BYTES)

    def append(self, picture: Picture, tally: Tally) -> None:
        """Add one picture, which the tally has just counted."""
        if self._writer is None:
            self._shop.set.mkdir(exist_ok=True)
            self.open(replace(tally, kept=[]))
        if self._writer is not None:
            self._writer.append(picture.pixels)
        if self._prints is not None and picture.print is not None:
            self._prints.write(picture.print.data)

    def fill(self, row: int, pixels: NDArray[np.uint8]) -> None:
        """Overwrite the pixels of one row; only after `close`."""
        if self._writer is not None:
            self._writer.fill(row, pixels)

    def sync(self) -> None:
        """Wait until all of it is on the disk."""
        if self._writer is not None:
            self._writer.sync()
        if self._prints is not None:
            sync(self._prints)

    def close(self) -> None:
        """Nothing can be appended after this."""
        if self._writer is not None:
            self._writer.close()

    def release(self) -> None:
        """Let go of every file."""
        if self._writer is not None:
            self._writer.release()
        if self._prints is not None:
            self._prints.close()
