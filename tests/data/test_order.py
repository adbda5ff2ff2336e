"""The order of the pictures is a function of seed and counter, and of nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gantool.data import BatchOrder

ROWS = np.array([3, 5, 8, 13, 21, 34, 55])


def test_each_epoch_shows_every_picture_once_in_an_order_of_its_own() -> None:
    order = BatchOrder(ROWS, seed=1)
    epochs = [order.batch(7 * epoch, 7).tolist() for epoch in range(5)]
    assert all(sorted(epoch) == ROWS.tolist() for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 5


@given(st.integers(0, 10**9), st.lists(st.integers(0, 30), max_size=8), st.integers(0, 2**40))
def test_any_cutting_into_batches_shows_the_same_sequence(start: int, counts: list[int], seed: int) -> None:
    whole = BatchOrder(ROWS, seed).batch(start, sum(counts))
    order, position, parts = BatchOrder(ROWS, seed), start, []
    for count in counts:
        parts += order.batch(position, count).tolist()
        position += count
    assert whole.tolist() == parts


def test_asking_again_or_out_of_order_changes_nothing() -> None:
    order = BatchOrder(ROWS, seed=2)
    far = order.batch(1000, 9).tolist()
    near = order.batch(5, 9).tolist()
    assert order.batch(1000, 9).tolist() == far
    assert BatchOrder(ROWS, seed=2).batch(5, 9).tolist() == near


def test_seeds_differ_and_one_seed_is_fixed_for_ever() -> None:
    sequences = {tuple(BatchOrder(ROWS, seed).batch(0, 7)) for seed in range(20)}
    assert len(sequences) > 15
    pinned = [3, 2, 0, 5, 1, 7, 6, 4, 1, 0, 4, 5, 7, 6, 2, 3]
    assert BatchOrder(np.arange(8), seed=42).batch(0, 16).tolist() == pinned


def test_no_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match="no pictures"):
        BatchOrder(np.array([], np.int64), seed=0)
