"""The hold-out: seeded, and the same share of every class."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gantool.data.split import drawn


@given(st.lists(st.integers(1, 60), min_size=1, max_size=8), st.floats(0.01, 0.5), st.integers(0, 99))
def test_every_class_gives_its_share_to_within_one_picture(sizes: list[int], fraction: float, seed: int) -> None:
    labels = [label for label, size in enumerate(sizes) for _ in range(size)]
    split = drawn(labels, fraction, seed)
    held = Counter(np.array(labels)[split == 1].tolist())
    if len(labels) >= 3:
        assert sum(held.values()) == max(1, round(fraction * len(labels)))
        assert all(abs(held[label] - fraction * size) <= 1 for label, size in enumerate(sizes))
        assert len(labels) - sum(held.values()) >= 2 or len(labels) == 3


def test_the_draw_depends_on_the_seed_alone() -> None:
    first, again, other = (drawn([None] * 100, 0.3, seed).tolist() for seed in (1, 1, 2))
    assert first == again != other
    assert sum(first) == sum(other) == 30


@pytest.mark.parametrize(("count", "fraction", "held"), [(100, 0.0, 0), (2, 0.5, 0), (3, 0.1, 1), (10, 0.5, 5)])
def test_small_sets_keep_two_to_train_on(count: int, fraction: float, held: int) -> None:
    assert drawn([None] * count, fraction, 0).sum() == held
