"""Which real pictures a measurement uses, and how many generated ones.

A number says something only beside its floor, the same number between real pictures; and a floor is one only when it
is taken from as many pictures on either side, for both distances depend on how many there are. So as many pictures
are generated as the other split can lend real ones, and no more.
"""

from __future__ import annotations

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
        others: as many real pictures as generated ones are compared with `rows`, none of them among `rows`, int64 n:
            of the other split, or of the rest of the same one where there is no other.
        across: whether ``others`` are of the other split.
        notes: sentences about what was lowered, and why.
    """

    dataset: PreparedSet
    split: Split
    rows: NDArray[np.int64]
    others: NDArray[np.int64]
    across: bool
    notes: tuple[str, ...] = ()

    @property
    def samples(self) -> int:
        """How many generated pictures are compared with `rows`."""
        return len(self.others)

    @property
    def everyone(self) -> NDArray[np.int64]:
        """All real pictures that are looked at, ascending: n + m, whatever the number of seeds."""
        return np.union1d(self.rows, self.others)

    @property
    def floors(self) -> tuple[FloorName, ...]:
        """``halves``: all n + m pictures, parted anew by each seed; ``train_holdout``: `others` against `rows`, where
        they are of two splits."""
        return ("halves", "train_holdout") if self.across else ("halves",)

    def floor_rows(self, floor: FloorName, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """n rows in the place of generated pictures, and m rows for them to be compared with."""
        if floor == "train_holdout":
            return self.others, self.rows
        shuffled = _shuffled(self.everyone, seed, "floor-halves")
        return np.sort(shuffled[: self.samples]), np.sort(shuffled[self.samples :])


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
    rows = np.sort(_shuffled(own, 0, "reference")[:count])
    pool = others if len(others) else np.setdiff1d(own, rows)
    like_made = np.sort(_shuffled(pool, 0, "reference-others")[:samples])
    return Reference(dataset, split, rows, like_made, bool(len(others)), tuple(notes))


def _shuffled(rows: NDArray[np.int64], seed: int, stream: str) -> NDArray[np.int64]:
    order = torch.randperm(len(rows), generator=seeding.generator(seed, stream))
    shuffled: NDArray[np.int64] = rows[order.numpy()]
    return shuffled
