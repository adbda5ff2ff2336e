"""The hold-out: seeded, and the same share of every class."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gantool import seeding
from gantool.data.split import chosen, drawn

SIZES = st.lists(st.integers(1, 60), min_size=1, max_size=8)


@settings(deadline=None)
@given(SIZES, st.floats(0.01, 0.5), st.integers(0, 99))
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


def plainly_drawn(labels: list[int], fraction: float, seed: int) -> list[int]:
    """The draw as it was before there were groups: sets of that time stay what they are."""
    source = np.random.Generator(np.random.PCG64(seeding.derive(seed, "holdout")))
    members = [source.permutation(np.flatnonzero(np.array(labels) == one)) for one in np.unique(labels)]
    shares = np.array([fraction * len(group) for group in members])
    counts = np.floor(shares).astype(int)
    wanted = max(1, round(fraction * len(labels)))
    counts[np.argsort(counts - shares, kind="stable")[: wanted - counts.sum()]] += 1
    split = np.zeros(len(labels), np.uint8)
    for group, count in zip(members, counts, strict=True):
        split[group[:count]] = 1
    return split.tolist()


@settings(deadline=None)
@given(SIZES, st.floats(0.01, 0.5), st.integers(0, 99))
def test_without_groups_nothing_is_drawn_otherwise_than_before(sizes: list[int], fraction: float, seed: int) -> None:
    labels = [label for label, size in enumerate(sizes) for _ in range(size)]
    if len(labels) >= 3:
        assert drawn(labels, fraction, seed).tolist() == plainly_drawn(labels, fraction, seed)


class TestGroups:
    @settings(deadline=None)
    @given(st.lists(st.integers(1, 7), min_size=3, max_size=40), st.floats(0.05, 0.5), st.integers(0, 99))
    def test_each_stays_on_one_side(self, sizes: list[int], fraction: float, seed: int) -> None:
        count = sum(sizes)
        rows = np.random.default_rng(seed).permutation(count).tolist()
        groups = [sorted(rows[end - size : end]) for size, end in zip(sizes, np.cumsum(sizes), strict=True)]
        several = [group for group in groups if len(group) > 1]
        split = drawn([None] * count, fraction, seed, several)
        assert all(len(set(split[group].tolist())) == 1 for group in groups)
        assert split.sum() >= 1
        assert split.sum() <= max(round(fraction * count), 1, min(map(len, several), default=1))

    def test_singles_fill_what_groups_leave(self) -> None:
        groups = [[row, row + 1, row + 2] for row in range(0, 60, 3)]
        for seed in range(20):
            split = drawn([None] * 100, 0.1, seed, groups)
            assert split.sum() == 10
            assert all(split[group].sum() in (0, 3) for group in groups)

    def test_one_of_two_classes_is_trained_on_and_the_shares_stay(self) -> None:
        labels = [0] * 50 + [1] * 50
        groups = [[row, row + 50] for row in range(20)]
        for seed in range(20):
            split = drawn(labels, 0.2, seed, groups)
            assert [split[:50].sum(), split[50:].sum()] == [10, 10]
            assert split[:20].sum() == split[50:70].sum() == 0

    def test_a_set_of_nothing_else_holds_out_the_smallest(self) -> None:
        assert drawn([None] * 7, 0.1, 0, [[0, 1, 2, 3], [4, 5, 6]]).tolist() == [0] * 4 + [1] * 3
        assert drawn([None] * 7, 0.1, 0, [list(range(7))]).sum() == 0


class TestChosen:
    @settings(deadline=None)
    @given(SIZES, st.integers(1, 200), st.integers(0, 99))
    def test_so_many_each_class_its_share_in_order(self, sizes: list[int], count: int, seed: int) -> None:
        labels = [label for label, size in enumerate(sizes) for _ in range(size)]
        rows = chosen(labels, count, seed).tolist()
        assert len(rows) == min(count, len(labels))
        assert rows == sorted(set(rows))
        taken = Counter(labels[row] for row in rows)
        fraction = len(rows) / len(labels)
        assert all(abs(taken[label] - fraction * size) <= 1 for label, size in enumerate(sizes))

    def test_the_seed_decides(self) -> None:
        first, again, other = (chosen([0] * 100, 30, seed).tolist() for seed in (1, 1, 2))
        assert first == again != other
