"""Which pictures are compared, and that floors use the same two numbers of them."""

from __future__ import annotations

import numpy as np
import pytest

from gantool.data import PreparedSet, prepare
from gantool.data.sources.embedded import Embedded
from gantool.errors import DataError
from gantool.evaluation.reference import reference


@pytest.mark.parametrize(
    ("split", "asked", "samples", "pictures"),
    [("holdout", 10_000, 300, 200), ("holdout", 150, 150, 150), ("train", 10_000, 200, 300)],
)
def test_floors_use_as_many_pictures_as_the_value(
    garments: PreparedSet, split: str, asked: int, samples: int, pictures: int
) -> None:
    found = reference(garments, split, asked)  # type: ignore[arg-type]
    assert (found.samples, len(found.rows)) == (samples, pictures)
    for floor in ("halves", "train_holdout"):
        for seed in (0, 1):
            first, second = found.floor_rows(floor, seed)  # type: ignore[arg-type]
            assert (len(first), len(second)) == (samples, pictures)
            assert not np.intersect1d(first, second).size
    assert bool(found.notes) == (samples < asked)


def test_the_reference_is_the_same_for_every_seed_and_the_halves_are_not(garments: PreparedSet) -> None:
    found = reference(garments, "holdout", 100)
    np.testing.assert_array_equal(found.rows, reference(garments, "holdout", 100).rows)
    np.testing.assert_array_equal(found.floor_rows("train_holdout", 0)[1], found.rows)
    assert not np.array_equal(found.floor_rows("halves", 0)[0], found.floor_rows("halves", 1)[0])
    held_out = set(garments.indices("holdout").tolist())
    assert held_out.issuperset(found.rows.tolist())
    assert held_out.isdisjoint(found.floor_rows("train_holdout", 0)[0].tolist())


def test_without_a_hold_out_only_training_pictures_can_be_compared() -> None:
    whole = PreparedSet.open(prepare(Embedded(source="embedded", holdout=0.0, max_images=60), seed=3))
    with pytest.raises(DataError, match="nothing is held out"):
        reference(whole, "holdout", 100)
    found = reference(whole, "train", 100)
    assert found.floors == ("halves",)
    assert (found.samples, len(found.rows)) == (30, 30)
    first, second = found.floor_rows("halves", 0)
    assert len(first) == len(second) == 30 and not np.intersect1d(first, second).size


def test_too_few_pictures_are_refused() -> None:
    few = PreparedSet.open(prepare(Embedded(source="embedded", holdout=0.1, max_images=20), seed=3))
    with pytest.raises(DataError, match="too few"):
        reference(few, "holdout", 100)
