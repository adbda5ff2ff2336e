"""Pairs against brute force, pictures seen from afar, the birthday paradox on a known number of pictures."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.spatial.distance

from gantool.metrics import collisions as room
from gantool.metrics.collisions import collisions, seen_from_afar, usual_scale


@pytest.mark.parametrize("block", [2048, 30, 7])
def test_equals_brute_force(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_BLOCK", block)
    pictures = 100 * np.random.default_rng(0).standard_normal((100, 3), dtype=np.float32) + 50
    apart = scipy.spatial.distance.squareform(scipy.spatial.distance.pdist(pictures.astype(np.float64)))
    np.fill_diagonal(apart, np.inf)
    found = collisions(pictures, 50)
    assert found.pairs == (apart < 50).sum() / 2 > 0
    assert found.share == (apart.min(axis=1) < 50).mean()
    assert found.support == 100 * 99 / 2 / found.pairs
    assert usual_scale(pictures) == pytest.approx(0.4 * np.median(apart.min(axis=1)), rel=1e-5)


@pytest.mark.parametrize("count", [3000, 5000])
def test_more_pictures_than_fit_into_one_block(count: int) -> None:
    pictures = 100 * np.random.default_rng(0).standard_normal((count, 6), dtype=np.float32)
    apart = scipy.spatial.distance.pdist(pictures.astype(np.float64))
    nearest = scipy.spatial.distance.squareform(apart)
    np.fill_diagonal(nearest, np.inf)
    found = collisions(pictures, 40)
    assert found.pairs == pytest.approx((apart < 40).sum(), abs=1)
    assert found.share == pytest.approx((nearest.min(axis=1) < 40).mean(), abs=1e-3)
    assert 0 < found.share < 0.5
    assert usual_scale(pictures) == pytest.approx(0.4 * np.median(nearest.min(axis=1)), rel=1e-4)


def test_twins_among_real_pictures_leave_a_scale() -> None:
    """Where half of the real pictures are there twice, the scale is that of the different ones."""
    pictures = 100 * np.random.default_rng(0).standard_normal((200, 6), dtype=np.float32)
    twice = pictures.repeat(2, axis=0)
    assert usual_scale(twice) == pytest.approx(usual_scale(pictures))
    one = pictures[:1].repeat(50, axis=0)
    assert collisions(one, usual_scale(one)).share == 1
    assert collisions(one, usual_scale(one)).pairs == 50 * 49 / 2


def test_the_birthday_paradox() -> None:
    rng = np.random.default_rng(1)
    known = rng.standard_normal((500, 8), dtype=np.float32)
    found = collisions(known[rng.integers(0, 500, 2000)], 0.01)
    assert found.support == pytest.approx(500, rel=0.05)
    assert found.share == pytest.approx(1 - (1 - 1 / 500) ** 1999, abs=0.02)


def test_no_pair_is_a_lower_bound() -> None:
    found = collisions(np.eye(10, dtype=np.float32), 0.1)
    assert (found.pairs, found.share, found.support) == (0, 0, 45)


@pytest.mark.parametrize(
    ("shape", "expected"), [((8, 8, 1), 64), ((16, 16, 3), 768), ((28, 28, 1), 196), ((33, 40, 3), 11 * 14 * 3)]
)
def test_sizes_from_afar(shape: tuple[int, int, int], expected: int) -> None:
    pixels = np.full((2, *shape), 77, np.uint8)
    seen = seen_from_afar(pixels)
    assert seen.shape == (2, expected)
    np.testing.assert_array_equal(seen, 77)
    assert seen_from_afar(pixels[:0]).shape == (0, expected)


def test_averages_of_whole_squares_on_white() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    means = pixels.reshape(3, 16, 2, 16, 2, 3).mean(axis=(2, 4)).transpose(0, 3, 1, 2).reshape(3, -1)
    np.testing.assert_allclose(seen_from_afar(pixels), means, rtol=1e-6)
    np.testing.assert_array_equal(seen_from_afar(np.zeros((1, 4, 4, 4), np.uint8)), 255)
