"""Which real pictures a measurement uses, and how many generated ones.

A number says something only beside its floor, the same number between real pictures; and a floor is one only when it
is taken from as many pictures on either side, for both distances depend on how many there are. So as many pictures
are generated as the other split can lend real ones, and no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from gantool import seeding
from gantool.data import PreparedSet
from gantool.errors import DataError

Split = Literal["holdout", "train"]
FloorName = Literal["halves", "train_holdout"]

FEWEST = 4
"""Pictures below which nothing can be said."""


@dataclass(frozen=True)
class Reference:
    """Real pictures to compare with.

    Attributes:
        dataset: where they are.
        split: which part of it.
        rows: the pictures, ascending, int64 m. The same for every model and seed.
        samples: how many generated pictures are compared with them, n.
        notes: sentences about what was lowered, and why.
    """

    dataset: PreparedSet
    split: Split
    rows: NDArray[np.int64]
    samples: int
    notes: tuple[str, ...] = ()

    @property
    def floors(self) -> tuple[FloorName, ...]:
        """``halves``: n and m real pictures of both splits, drawn apart; ``train_holdout``: n of the other split
        against `rows`, where there is another split."""
        return ("halves", "train_holdout") if len(self._others) else ("halves",)

    def floor_rows(self, floor: FloorName, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """n rows in the place of generated pictures, and m rows for them to be compared with."""
        if floor == "train_holdout":
            return _drawn(self._others, self.samples, seed, "floor-train-holdout"), self.rows
        everyone = np.arange(len(self.dataset), dtype=np.int64)
        both = _shuffled(everyone, seed, "floor-halves")[: self.samples + len(self.rows)]
        return np.sort(both[: self.samples]), np.sort(both[self.samples :])

    def every_row(self, seeds: tuple[int, ...]) -> Iterator[NDArray[np.int64]]:
        """What will be looked at."""
        yield self.rows
        for seed in seeds:
            for floor in self.floors:
                yield from self.floor_rows(floor, seed)

    @property
    def _others(self) -> NDArray[np.int64]:
        return self.dataset.indices("train" if self.split == "holdout" else "holdout")


def reference(dataset: PreparedSet, split: Split, asked: int) -> Reference:
    """At most ``asked`` pictures of ``split``, and how many generated ones stand against them.

    Raises:
        DataError: when the split is empty or holds too few.
    """
    own = dataset.indices(split)
    others = dataset.indices("train" if split == "holdout" else "holdout")
    if not len(own):
        raise DataError(
            f"{dataset.folder}: nothing is held out in this set, so nothing can be measured on pictures that training "
            "did not show; prepare it with --holdout 0.1 and train again, or compare with --split train"
        )
    count = min(asked, len(own) if len(others) else len(own) // 2)
    samples = min(asked, len(others) if len(others) else len(own) - count)
    if min(count, samples) < FEWEST:
        raise DataError(
            f"{dataset.folder}: {len(own)} pictures in {split} and {len(others)} outside of it are too few to measure "
            f"with: {FEWEST} are needed in each"
        )
    notes = []
    if samples < asked:
        there = "the other half" if not len(others) else "training" if split == "holdout" else "the hold-out"
        notes.append(
            f"{samples:,} pictures are generated in place of {asked:,}: the floor uses as many real ones, and "
            f"{there} has no more."
        )
    return Reference(dataset, split, _drawn(own, count, 0, "reference"), samples, tuple(notes))


def _drawn(rows: NDArray[np.int64], count: int, seed: int, stream: str) -> NDArray[np.int64]:
    return np.sort(_shuffled(rows, seed, stream)[:count])


def _shuffled(rows: NDArray[np.int64], seed: int, stream: str) -> NDArray[np.int64]:
    order = torch.randperm(len(rows), generator=seeding.generator(seed, stream))
    shuffled: NDArray[np.int64] = rows[order.numpy()]
    return shuffled
