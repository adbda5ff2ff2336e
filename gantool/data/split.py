"""Which pictures are held out, and which are taken at all: seeded draws, the same share of every class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

TRAIN, HOLDOUT = 0, 1


def drawn(
    labels: Sequence[int | None], fraction: float, seed: int, groups: Iterable[Sequence[int]] = ()
) -> NDArray[np.uint8]:
    """0 (train) or 1 (hold-out) for each picture.

    Each class gives its share, rounded down; what is missing to the rounded share of the whole comes from the
    classes that lost most in rounding. At least one picture is held out when a fraction is asked for and two are
    left to train on. A group stays on one side: one that would overfill the share of its class is trained on, and so
    is one of pictures of several classes.

    Args:
        labels: class of each picture; None throughout for a set without classes.
        fraction: of the whole set, in [0, 0.5].
        seed: of the experiment.
        groups: rows that must stay together (`duplicates.near_duplicates`), none in two groups.
    """
    split = np.full(len(labels), TRAIN, np.uint8)
    if fraction == 0 or len(labels) < 3:
        return split
    classes = np.array([-1 if label is None else label for label in labels])
    together = {rows[0]: np.array(rows) for rows in groups}
    is_drawn = np.ones(len(labels), bool)
    for rows in together.values():
        is_drawn[rows[1:]] = False
        is_drawn[rows[0]] = (classes[rows] == classes[rows[0]]).all()
    counts = _shares(classes, fraction, max(1, round(fraction * len(labels))))
    source = _source(seed, "holdout")
    for one, room in zip(np.unique(classes), counts, strict=True):
        for row in source.permutation(np.flatnonzero((classes == one) & is_drawn)):
            rows = together.get(int(row), row)
            if np.size(rows) <= room:
                split[rows] = HOLDOUT
                room -= np.size(rows)  # noqa: PLW2901 - what is left of it
            if room == 0:
                break
    if not split.any() and together:
        _hold_smallest(split, together.values())
    return split


def chosen(classes: Sequence[int], count: int, seed: int) -> NDArray[np.int64]:
    """The rows of ``count`` pictures drawn from all, ascending; each class gives its share.

    Args:
        classes: of each picture.
        count: how many to draw; all are taken where there are no more.
        seed: of the experiment.
    """
    if count >= len(classes):
        return np.arange(len(classes))
    numbers = np.array(classes)
    source = _source(seed, "subset")
    members = [source.permutation(np.flatnonzero(numbers == one)) for one in np.unique(numbers)]
    shares = _shares(numbers, count / len(numbers), count)
    taken = [rows[:share] for rows, share in zip(members, shares, strict=True)]
    return np.sort(np.concatenate(taken))


def official(tests: Sequence[bool]) -> NDArray[np.uint8]:
    """0 (train) or 1 (hold-out) for each picture, as the source's makers split them."""
    return np.where(tests, HOLDOUT, TRAIN).astype(np.uint8)


def _source(seed: int, stream: str) -> np.random.Generator:
    from gantool import seeding  # noqa: PLC0415 - it loads torch, which decoding processes spare

    return np.random.Generator(np.random.PCG64(seeding.derive(seed, stream)))


def _shares(classes: NDArray[np.int64], fraction: float, wanted: int) -> list[int]:
    """How many pictures each class gives so that they are ``wanted`` together, in the order of the classes' numbers."""
    shares = fraction * np.unique(classes, return_counts=True)[1]
    counts = np.floor(shares).astype(int)
    by_loss = np.argsort(counts - shares, kind="stable")  # the largest remainder first
    counts[by_loss[: wanted - counts.sum()]] += 1
    return [int(count) for count in counts]


def _hold_smallest(split: NDArray[np.uint8], groups: Iterable[NDArray[np.int64]]) -> None:
    """Hold out the smallest group, where no share had room for any and two pictures are left to train on."""
    rows = min(groups, key=len)
    if len(split) - len(rows) >= 2:
        split[rows] = HOLDOUT
