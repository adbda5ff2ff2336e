"""Every pair within the radius, once, and no other: compared with comparing all of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gantool.data.hamming import RADIUS, ROWS_LIMIT, pairs_between, pairs_within

Hashes = NDArray[np.uint8]


def distances(hashes: Hashes, others: Hashes) -> NDArray[np.int64]:
    """By counting, N×M."""
    bits = np.unpackbits(hashes[:, None] ^ others[None], axis=2)
    return bits.sum(2, dtype=np.int64)


def expected_within(hashes: Hashes) -> NDArray[np.int64]:
    found = distances(hashes, hashes)
    rows, others = np.nonzero(np.triu(found <= RADIUS, 1))
    return np.stack([rows, others, found[rows, others]], axis=1)


def expected_between(hashes: Hashes, others: Hashes) -> NDArray[np.int64]:
    found = distances(hashes, others)
    rows, columns = np.nonzero(found <= RADIUS)
    return np.stack([rows, columns, found[rows, columns]], axis=1)


def random(count: int, seed: int = 0) -> Hashes:
    return np.random.default_rng(seed).integers(0, 256, (count, 32), np.uint8)


def flipped(hashed: Hashes, bits: list[int] | NDArray[np.int64]) -> Hashes:
    changed = np.unpackbits(hashed)
    changed[bits] ^= 1
    return np.packbits(changed)


def clustered(count: int, seed: int = 0, most: int = 14) -> Hashes:
    """Few centres, and all others a few bits from one of them."""
    chance = np.random.default_rng(seed)
    centres = random(max(1, count // 12), seed)
    return np.stack(
        [
            flipped(centres[chance.integers(len(centres))], chance.permutation(256)[: chance.integers(most)])
            for _ in range(count)
        ]
    )


def alike(count: int) -> Hashes:
    """All are near each other, as pictures of one kind are: blocks in common, but far from all of them."""
    chance = np.random.default_rng(1)
    centre = random(1)[0]
    return np.stack([flipped(centre, chance.permutation(256)[:7]) for _ in range(count)])


CASES: dict[str, Callable[[], Hashes]] = {
    "none": lambda: random(0),
    "one": lambda: random(1),
    "random": lambda: random(150),
    "clustered": lambda: clustered(150),
    "equal": lambda: np.repeat(random(1), 40, axis=0),
    "alike": lambda: alike(120),
    "zeros and ones": lambda: np.concatenate([np.zeros((3, 32), np.uint8), np.full((3, 32), 255, np.uint8)]),
}


@pytest.mark.parametrize("name", CASES)
def test_pairs_within_are_those_of_comparing_all(name: str) -> None:
    hashes = CASES[name]()
    found = pairs_within(hashes)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, expected_within(hashes))


@pytest.mark.parametrize("others", CASES)
@pytest.mark.parametrize("name", ["none", "one", "clustered", "alike"])
def test_pairs_between_are_those_of_comparing_all(name: str, others: str) -> None:
    hashes, guests = CASES[name](), CASES[others]()
    found = pairs_between(hashes, guests)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, expected_between(hashes, guests))


@settings(deadline=None, max_examples=30)
@given(count=st.integers(2, 60), seed=st.integers(0, 10**6), most=st.integers(1, 30))
def test_any_cluster(count: int, seed: int, most: int) -> None:
    hashes = clustered(count, seed, most)
    np.testing.assert_array_equal(pairs_within(hashes), expected_within(hashes))
    half = count // 2
    np.testing.assert_array_equal(
        pairs_between(hashes[:half], hashes[half:]), expected_between(hashes[:half], hashes[half:])
    )


@pytest.mark.parametrize("start", range(0, 256, 11))
@pytest.mark.parametrize("step", [1, 20, 23])
def test_the_radius_is_reached_and_not_exceeded_wherever_the_bits_are(start: int, step: int) -> None:
    first = random(1, start)[0]
    differing = (start + step * np.arange(RADIUS + 1)) % 256
    assert len(set(differing.tolist())) == RADIUS + 1
    inside, outside = flipped(first, differing[:RADIUS]), flipped(first, differing)
    hashes = np.stack([first, inside, outside])
    assert pairs_within(hashes).tolist() == [[0, 1, RADIUS], [1, 2, 1]]
    assert pairs_between(hashes[:1], hashes[1:]).tolist() == [[0, 0, RADIUS]]


def test_many_hashes_and_many_meetings() -> None:
    """More than are compared at once: pairs that lie far apart, and a crowd of equal ones."""
    hashes = random(70_000)
    crowd = np.arange(60_000, 60_400)
    hashes[crowd] = hashes[5]
    for row in range(100, 200):
        hashes[69_999 - row] = flipped(hashes[row], np.arange(row % (RADIUS + 1)))
    together = [5, *crowd.tolist()]
    equal = {(a, b, 0) for number, a in enumerate(together) for b in together[number + 1 :]}
    planted = {(row, 69_999 - row, row % (RADIUS + 1)) for row in range(100, 200)}
    found = pairs_within(hashes)
    assert len(found) == len(equal) + len(planted)
    assert {tuple(pair) for pair in found.tolist()} == equal | planted
    between = pairs_between(hashes[:200], hashes[200:])
    assert {(a, b + 200, bits) for a, b, bits in between.tolist()} == planted | {(5, row, 0) for row in crowd.tolist()}


def test_too_many_are_refused() -> None:
    many = np.broadcast_to(np.zeros(32, np.uint8), (ROWS_LIMIT + 1, 32))
    with pytest.raises(ValueError, match=str(ROWS_LIMIT + 1)):
        pairs_within(many)
    with pytest.raises(ValueError, match=str(ROWS_LIMIT)):
        pairs_between(many, random(1))


@pytest.mark.parametrize("count", [1, 40])
def test_few_pairs_are_found_as_many_are(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few are compared one by one, many by their blocks."""
    hashes = clustered(300, 3)
    found = pairs_between(hashes[:count], hashes)
    monkeypatch.setattr("gantool.data.hamming._FEW", 0)
    np.testing.assert_array_equal(found, pairs_between(hashes[:count], hashes))
    assert len(found) > count
