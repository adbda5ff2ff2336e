"""What generated pictures are compared with, class by class.

A generator is shown training pictures, and asked for classes as often as they have them, so the training shares are
what its pictures should have. But the classifier knows training pictures by heart and errs on others, so held-out
pictures say what it makes of each class: each counts as much as its class weighs in the training pictures. Of a class
with few held-out pictures, training pictures fill up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gantool import seeding
from gantool.data import PreparedSet

FEWEST_OF_CLASS = 10
"""Held-out pictures of a class below which training pictures of it are taken too."""

_MOST = 10_000
_AT_ONCE = 512


@dataclass(frozen=True)
class Classes:
    """What the classifier makes of real and of generated pictures.

    Attributes:
        names: of all K classes.
        real: of m real pictures, int64 m.
        labels: what those are, int64 m.
        weights: how much each of those counts, so that they have the classes of training pictures: float64 m.
        features: theirs, float32 m×D.
        made: of generated pictures, int64 n.
        asked: what those were asked to be, int64 n; None of a generator without classes.
    """

    names: tuple[str, ...]
    real: NDArray[np.int64]
    labels: NDArray[np.int64]
    weights: NDArray[np.float64]
    features: NDArray[np.float32]
    made: NDArray[np.int64]
    asked: NDArray[np.int64] | None


class Reference(NamedTuple):
    """Rows of a set, int64 m, their classes, int64 m, and how much each counts, float64 m."""

    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    weights: NDArray[np.float64]


def reference(dataset: PreparedSet, train: NDArray[np.int64], holdout: NDArray[np.int64]) -> Reference:
    """Real pictures of the classes' shares among training pictures.

    Args:
        dataset: a set with labels.
        train: rows of training pictures that may be taken, int64.
        holdout: rows of held-out ones.
    """
    shares = np.bincount(_labels(dataset, dataset.indices("train")), minlength=len(dataset.classes))
    of_train, of_holdout = _labels(dataset, train), _labels(dataset, holdout)
    order = np.random.default_rng(seeding.derive(0, "balance")).permutation(len(train))
    rows, labels, weights = [], [], []
    for number, pictures in enumerate(shares):
        chosen = holdout[of_holdout == number]
        if len(chosen) < FEWEST_OF_CLASS:
            more = train[order[of_train[order] == number]][: max(FEWEST_OF_CLASS, _MOST // len(shares))]
            chosen = np.concatenate([chosen, more])
        rows.append(chosen)
        labels.append(np.full(len(chosen), number, np.int64))
        weights.append(np.full(len(chosen), pictures / max(len(chosen), 1)))
    found = Reference(np.concatenate(rows), np.concatenate(labels), np.concatenate(weights))
    counting = found.weights > 0  # a class that is held out only is not expected
    return Reference(found.rows[counting], found.labels[counting], found.weights[counting])


def in_blocks(
    classify: Callable[[NDArray[np.uint8]], NDArray[np.int64]], dataset: PreparedSet, rows: NDArray[np.int64]
) -> NDArray[np.int64]:
    """What ``classify`` makes of ``rows``: int64 m."""
    parts = [rows[start : start + _AT_ONCE] for start in range(0, max(len(rows), 1), _AT_ONCE)]
    return np.concatenate([classify(dataset.read(part)) for part in parts])


def _labels(dataset: PreparedSet, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    labels = dataset.read_labels(rows)
    assert labels is not None  # noqa: S101 - the set has classes
    return labels
