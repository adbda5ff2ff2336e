"""Neighbours: against brute force in float64; planted strangers and wrong labels in clusters of points."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from gantool.metrics import neighbours
from gantool.metrics.neighbours import OUTLIER, SUSPECT, Groups, label_suspects, nearest, outliers


def clusters(
    sizes: list[int], depth: int = 64, spread: float = 0.4, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Points around as many random centres, all coordinates ≥ 0 as features are, and whose centre it is."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).gamma(1.0, 1.0, (len(sizes), depth))
    labels = np.arange(len(sizes)).repeat(sizes)
    return (centres[labels] * np.exp(spread * rng.standard_normal((len(labels), depth)))).astype(np.float32), labels


def brute_force(
    features: NDArray[np.float32], count: int, groups: Groups
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Every pair by its definition, one at a time."""
    owner = {row: min(group) for group in groups for row in group}
    distances, rows = [], []
    for row, one in enumerate(features.astype(np.float64)):
        others = [other for other in range(len(features)) if owner.get(other, other) == other != owner.get(row, row)]
        apart = np.sqrt(((features[others].astype(np.float64) - one) ** 2).sum(1))
        order = np.argsort(apart)[:count]
        distances.append(apart[order])
        rows.append(np.asarray(others)[order])
    return np.asarray(distances), np.asarray(rows)


@pytest.mark.parametrize("groups", [[], [[3, 7], [10, 11, 90, 40], [0, 119]]])
@pytest.mark.parametrize("blocks", [(2048, 4096), (50, 33), (7, 4)])
def test_neighbours_equal_brute_force(groups: Groups, blocks: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_QUERIES", blocks[0])
    monkeypatch.setattr(neighbours, "_CANDIDATES", blocks[1])
    features = np.random.default_rng(0).standard_normal((120, 16), dtype=np.float32)
    found = nearest(features, 9, groups)
    distances, rows = brute_force(features, 9, groups)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-5)
    np.testing.assert_array_equal(found.rows, rows)


def test_fewer_others_than_asked_for() -> None:
    features = np.random.default_rng(0).standard_normal((4, 3), dtype=np.float32)
    assert nearest(features, 9).rows.shape == (4, 3)
    assert nearest(features, 9, [[0, 1]]).rows.shape == (4, 2)
    assert nearest(features, 9, [[0, 1, 2, 3]]).rows.shape == (4, 0)
    assert nearest(features[:1], 9).rows.shape == (1, 0)
    assert nearest(features[:0], 9).rows.shape == (0, 0)


def test_neighbours_are_the_same_every_time() -> None:
    features, _ = clusters([100, 100])
    first, second = nearest(features, 5), nearest(features, 5)
    np.testing.assert_array_equal(first.rows, second.rows)
    np.testing.assert_array_equal(first.distances, second.distances)


def with_strangers(copies: int = 1) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Three clusters of 100 and six strangers, each ``copies`` times; content, texture, who is a stranger."""
    content, _ = clusters([100, 100, 100])
    texture, _ = clusters([300], depth=80, seed=1)
    rng = np.random.default_rng(5)
    odd = rng.gamma(0.3, 1.0, (6, 64)).repeat(copies, 0), rng.gamma(1.0, 1.0, (6, 80)).repeat(copies, 0)
    is_odd = np.arange(300 + 6 * copies) >= 300
    return (
        np.concatenate([content, odd[0]]).astype(np.float32),
        np.concatenate([texture, odd[1]]).astype(np.float32),
        is_odd,
    )


def test_strangers_are_outliers_and_the_others_are_not() -> None:
    content, texture, is_odd = with_strangers()
    scores = outliers(content, texture)
    assert scores[is_odd].min() > OUTLIER
    assert np.mean(scores[~is_odd] > OUTLIER) <= 0.01
    assert abs(np.median(scores)) < 1


def test_a_stranger_in_content_or_in_texture_alone_scores_higher() -> None:
    content, texture, is_odd = with_strangers()
    plain = outliers(content[~is_odd], texture[~is_odd])
    for of_content, of_texture in ((content[is_odd], texture[:6]), (content[:6], texture[is_odd])):
        scores = outliers(
            np.concatenate([content[~is_odd], of_content]), np.concatenate([texture[~is_odd], of_texture])
        )
        assert np.median(scores[300:]) > np.quantile(plain, 0.99)


def test_copies_of_a_stranger_do_not_vouch_for_it() -> None:
    content, texture, is_odd = with_strangers(copies=20)
    groups = [list(range(start, start + 20)) for start in range(300, 420, 20)]
    assert np.all(outliers(content, texture, groups)[is_odd] > OUTLIER)
    assert not np.any(outliers(content, texture)[is_odd] > OUTLIER)


def test_scores_do_not_depend_on_the_scale_of_the_features() -> None:
    content, texture, _ = with_strangers()
    np.testing.assert_allclose(outliers(content * 8, texture / 4), outliers(content, texture), atol=1e-2)


def test_wrong_labels_are_suspected_and_the_right_one_suggested() -> None:
    content, truth = clusters([120, 80, 40])
    labels = truth.copy()
    wrong = np.asarray([5, 50, 119, 130, 190, 205, 230])
    labels[wrong] = (truth[wrong] + 1) % 3
    scores, wanted = label_suspects(content, labels)
    assert set(np.flatnonzero(scores > SUSPECT)) == set(wrong)
    np.testing.assert_array_equal(wanted[wrong], truth[wrong])
    assert scores.min() >= -1
    assert scores.max() <= 1


def test_labels_by_chance_are_not_suspected() -> None:
    """Where neighbours do not agree there is nothing to suspect."""
    content, _ = clusters([300])
    scores, _ = label_suspects(content, np.random.default_rng(0).integers(0, 4, 300))
    assert np.mean(scores > SUSPECT) < 0.02


def test_copies_with_the_wrong_label_do_not_confirm_each_other() -> None:
    content, truth = clusters([60, 60])
    copies = np.concatenate([content, content[[0] * 30]])
    labels = np.concatenate([truth, np.ones(30, np.int64)])
    labels[0] = 1
    group = [0, *range(120, 150)]
    scores, wanted = label_suspects(copies, labels, [group])
    assert np.all(scores[group] > SUSPECT)
    assert np.all(wanted[group] == 0)
    unaware, _ = label_suspects(copies, labels)
    assert not np.any(unaware[group] > SUSPECT)


def test_a_class_too_small_to_be_judged_is_not() -> None:
    content, truth = clusters([60, 60])
    labels = truth.copy()
    labels[:4] = 2
    scores, _ = label_suspects(content, labels)
    np.testing.assert_array_equal(scores[:4], -1)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7])
def test_tiny_sets(count: int) -> None:
    content, texture, _ = with_strangers()
    assert np.isfinite(outliers(content[:count], texture[:count])).all()
    scores, wanted = label_suspects(content[:count], np.arange(count) % 2)
    assert scores.shape == wanted.shape == (count,)
    assert np.isfinite(scores).all()


def test_one_class_and_equal_pictures() -> None:
    content, _ = clusters([50, 50])
    scores, wanted = label_suspects(content, np.full(len(content), 3))
    np.testing.assert_array_equal(scores, -1)
    np.testing.assert_array_equal(wanted, 3)
    same = np.ones((40, 64), np.float32)
    np.testing.assert_allclose(outliers(same, same), 0, atol=1e-6)
    scores, _ = label_suspects(same, np.arange(40) % 2)
    assert np.isfinite(scores).all()
    nothing = np.zeros((40, 64), np.float32)
    np.testing.assert_allclose(outliers(nothing, nothing), 0, atol=1e-6)
    everyone = [list(range(40))]
    np.testing.assert_array_equal(outliers(same, same, everyone), 0)
    np.testing.assert_array_equal(label_suspects(same, np.arange(40) % 2, everyone)[0], -1)


def test_the_features_and_torch_stay_as_they_were() -> None:
    content, texture, _ = with_strangers()
    kept = content.copy(), texture.copy()
    before = torch.get_num_threads(), torch.is_grad_enabled(), torch.get_rng_state().tolist()
    outliers(content, texture)
    label_suspects(content, np.arange(len(content)) % 3)
    assert (torch.get_num_threads(), torch.is_grad_enabled(), torch.get_rng_state().tolist()) == before
    np.testing.assert_array_equal(content, kept[0])
    np.testing.assert_array_equal(texture, kept[1])


def test_large_numbers_of_classes_are_only_names() -> None:
    content = np.random.default_rng(0).random((60, 32)).astype(np.float32)
    labels = np.repeat([0, 1], 30)
    scores, wanted = label_suspects(content, labels)
    far_scores, far_wanted = label_suspects(content, labels * 10**12)
    assert np.array_equal(scores, far_scores)
    assert np.array_equal(wanted * 10**12, far_wanted)
