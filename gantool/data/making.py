"""The long part of a preparation: every picture decoded to its end and appended to the set, in bounded memory.

Pictures deeper than 8 bits with ``range: auto`` are decoded twice: their common range is known only after all were
seen. What was done is noted in a journal, and whoever comes after a kill goes on from there, through the same code.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Sequence

from gantool.data.base import DEPTH
from gantool.data.decode import Options, Picture
from gantool.data.journal import Journal
from gantool.data.plan import Plan, Progress, Tally
from gantool.data.store import Store
from gantool.data.worker import Fault, decoding
from gantool.data.workers import raws_of, work
from gantool.data.workshop import Workshop, require_space
from gantool.errors import DataError

NOTED_EVERY = 1.0
"""Seconds of work that a kill may cost."""

_TELL_EVERY = 64


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
                if isinstance(outcome, Picture) and tally.size is not None:
                    self._store.append(outcome, tally.size)
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
        if self._tally.size is not None:
            self._store.open(self._tally.size, len(self._tally.kept))

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
