"""Which pictures are held out: a seeded draw, the same share of every class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

TRAIN, HOLDOUT = 0, 1


def drawn(labels: Sequence[int | None], fraction: float, seed: int) -> NDArray[np.uint8]:
    """0 (train) or 1 (hold-out) for each picture.

    Each class gives its share, rounded down; what is missing to the rounded share of the whole comes from the
    classes that lost most in rounding. At least one picture is held out when a fraction is asked for and two are
    left to train on.

    Args:
        labels: class of each picture; None throughout for a set without classes.
        fraction: of the whole set, in [0, 0.5].
        seed: of the experiment.
    """
    from gantool import seeding  # noqa: PLC0415 - it loads torch, which decoding processes spare

    split = np.full(len(labels), TRAIN, np.uint8)
    if fraction == 0 or len(labels) < 3:
        return split
    source = np.random.Generator(np.random.PCG64(seeding.derive(seed, "holdout")))
    classes = np.array([-1 if label is None else label for label in labels])
    members = [source.permutation(np.flatnonzero(classes == one)) for one in np.unique(classes)]
    shares = np.array([fraction * len(group) for group in members])
    counts = np.floor(shares).astype(int)
    wanted = max(1, round(fraction * len(labels)))
    by_loss = np.argsort(counts - shares, kind="stable")  # the largest remainder first
    counts[by_loss[: wanted - counts.sum()]] += 1
    for group, count in zip(members, counts, strict=True):
        split[group[:count]] = HOLDOUT
    return split


def official(tests: Sequence[bool]) -> NDArray[np.uint8]:
    """0 (train) or 1 (hold-out) for each picture, as the source's makers split them."""
    return np.where(tests, HOLDOUT, TRAIN).astype(np.uint8)
