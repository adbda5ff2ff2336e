"""Neighbours among others against brute force; copies, authenticity and leaning in clouds of points."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.spatial.distance
from numpy.typing import NDArray

from gantool.metrics import memorisation
from gantool.metrics.memorisation import authentic, closeness, copy_limit, leaning, nearest_among


def points(count: int, depth: int = 8, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((count, depth), dtype=np.float32)


@pytest.mark.parametrize("same", [False, True])
@pytest.mark.parametrize("blocks", [(2048, 4096), (50, 33), (7, 40), (13, 4)])
def test_neighbours_equal_brute_force(same: bool, blocks: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memorisation, "_QUERIES", blocks[0])
    monkeypatch.setattr(memorisation, "_CANDIDATES", blocks[1])
    candidates = points(120) + 100  # far from the origin, where float32 products lose digits
    queries = candidates if same else points(70, seed=1) + 100
    apart = scipy.spatial.distance.cdist(queries.astype(np.float64), candidates.astype(np.float64))
    if same:
        np.fill_diagonal(apart, np.inf)
    found = nearest_among(queries, candidates, 9, same=same)
    np.testing.assert_array_equal(found.rows, np.argsort(apart, axis=1)[:, :9])
    np.testing.assert_allclose(found.distances, np.sort(apart, axis=1)[:, :9], rtol=1e-4)
    np.testing.assert_allclose(found.distances[:, 0], apart.min(axis=1), rtol=1e-6)


def test_fewer_candidates_than_asked_for() -> None:
    assert nearest_among(points(5), points(3), 50).rows.shape == (5, 3)
    assert nearest_among(points(3), points(3), 50, same=True).rows.shape == (3, 2)
    assert nearest_among(points(5), points(0), 50).rows.shape == (5, 0)
    assert nearest_among(points(0), points(5), 2).rows.shape == (0, 2)


def test_a_copy_is_at_no_distance() -> None:
    candidates = points(4000, 64) * 1000
    found = nearest_among(candidates[::7], candidates, 50)
    np.testing.assert_array_equal(found.distances[:, 0], 0)
    np.testing.assert_array_equal(found.rows[:, 0], np.arange(0, 4000, 7))


def test_duplicates_in_the_training_set_do_not_hide_copies() -> None:
    train = points(1000, 16)
    many = np.concatenate([train, train[:1] + 0.001 * points(40, 16, seed=2)])
    held = nearest_among(points(300, 16, seed=3), many, 50)
    copy = nearest_among(train[:1] + np.float32(0.0005), many, 50)
    assert closeness(copy)[0] < copy_limit(held)


def test_copies_stand_out_from_what_is_held_out() -> None:
    train, held_out = points(1000, 16), points(500, 16, seed=1)
    noisy = train[:200] + 0.05 * points(200, 16, seed=2)
    held = nearest_among(held_out, train, 50)
    limit = copy_limit(held)
    assert (closeness(nearest_among(noisy, train, 50)) < limit).all()
    assert (closeness(held) < limit).mean() <= 0.01
    assert (closeness(nearest_among(points(500, 16, seed=4), train, 50)) < limit).mean() < 0.03


def test_held_out_copies_do_not_make_the_limit_vanish() -> None:
    train = points(1000, 16)
    assert copy_limit(nearest_among(train[:100], train, 50)) == pytest.approx(0.2)


def test_a_neighbourhood_without_width() -> None:
    same = np.ones((100, 4), np.float32)
    np.testing.assert_array_equal(closeness(nearest_among(same[:3], same, 50)), 1)


def test_authenticity_by_its_definition() -> None:
    train, made = points(60), points(40, seed=1)
    to_train = scipy.spatial.distance.cdist(made, train)
    own = scipy.spatial.distance.cdist(train, train)
    np.fill_diagonal(own, np.inf)
    first = to_train.argmin(axis=1)
    expected = to_train.min(axis=1) >= own.min(axis=1)[first]
    np.testing.assert_array_equal(authentic(nearest_among(made, train, 5), train), expected)
    assert 0 < expected.sum() < 40
    assert not authentic(nearest_among(train, train, 5), train).any()


def test_leaning_is_that_of_relabelling() -> None:
    """Mean, variance and tail against 20,000 random relabellings of the same real pictures."""
    train, held, made = points(300, 4), points(100, 4, seed=1), points(500, 4, seed=2)
    rng = np.random.default_rng(3)
    pool = np.concatenate([train, held])
    counts = np.bincount(nearest_among(made, pool, 1).rows[:, 0], minlength=400)
    shares = np.array([counts[rng.permutation(400)[:300]].sum() for _ in range(20_000)]) / 500
    found = leaning(nearest_among(made, train, 1), nearest_among(made, held, 1), 300, 100)
    assert found.share == counts[:300].sum() / 500
    assert found.chance == 0.75 == pytest.approx(shares.mean(), abs=0.001)
    assert found.p == pytest.approx((shares >= found.share).mean(), abs=0.02)
    assert found.leaning == pytest.approx((found.share - 0.75) / (0.25 if found.share > 0.75 else 0.75))


def test_leaning_is_fair_and_finds_copies() -> None:
    pool = points(1200, 8)
    values = []
    for seed in range(200):
        order = np.random.default_rng(seed).permutation(1200)
        train, held, made = pool[order[:600]], pool[order[600:800]], pool[order[800:]]
        values.append(leaning(nearest_among(made, train, 1), nearest_among(made, held, 1), 600, 200).p)
    assert 0.02 < (np.array(values) < 0.05).mean() < 0.1
    assert np.mean(values) == pytest.approx(0.5, abs=0.07)
    copies = leaning(nearest_among(train, train, 1), nearest_among(train, held, 1), 600, 200)
    assert copies.share == copies.leaning == 1
    assert copies.p < 1e-12


def test_a_repeated_picture_proves_no_leaning() -> None:
    """A thousand times one picture that happens to be nearest to a training picture: chance, three in four times."""
    train, held = points(300), points(100, seed=1)
    one = train[:1].repeat(1000, axis=0)
    assert leaning(nearest_among(one, train, 1), nearest_among(one, held, 1), 300, 100).p > 0.2
