"""Fréchet and kernel distances and the Inception score: closed forms, torch-fidelity by its front door, brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from gantool.metrics.frechet import Gaussian, frechet_distance, gaussian, is_reliable
from gantool.metrics.inception_score import inception_score
from gantool.metrics.kernel import kernel_distance, subset_size


def features(count: int, depth: int, seed: int, shift: float = 0.0) -> NDArray[np.float32]:
    """Correlated and not negative, as pooled features are."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(depth, depth)) / math.sqrt(depth)
    return np.maximum(rng.normal(size=(count, depth)) @ mixing + shift, 0).astype(np.float32)


@pytest.mark.parametrize("depth", [1, 3, 64])
def test_frechet_is_the_closed_form_of_commuting_gaussians(depth: int) -> None:
    rng = np.random.default_rng(depth)
    turn = np.linalg.qr(rng.normal(size=(depth, depth)))[0]
    one, other = rng.uniform(0.1, 3, (2, depth))
    means = rng.normal(size=(2, depth))
    # Σ₁ and Σ₂ share their axes, so (Σ₁Σ₂)^½ has the roots of the products: |Δμ|² + Σ (√a − √b)²
    expected = ((means[0] - means[1]) ** 2).sum() + ((np.sqrt(one) - np.sqrt(other)) ** 2).sum()
    found = frechet_distance(
        Gaussian(means[0], turn @ np.diag(one) @ turn.T), Gaussian(means[1], turn @ np.diag(other) @ turn.T)
    )
    assert found == pytest.approx(expected, rel=1e-6)


def test_frechet_of_samples_approaches_that_of_their_gaussians() -> None:
    rng = np.random.default_rng(0)
    first = rng.normal(0, 1, (200_000, 2))
    second = rng.normal((3, 0), 2, (200_000, 2))
    assert frechet_distance(gaussian(first), gaussian(second)) == pytest.approx(9 + 2 * (2 - 1) ** 2, rel=0.02)


def test_frechet_equals_torch_fidelity_on_more_pictures_than_twice_the_dimensions() -> None:
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    first, second = features(300, 128, 0), features(280, 128, 1, shift=0.05)
    theirs = [fid_features_to_statistics(torch.from_numpy(each).double()) for each in (first, second)]
    expected = fid_statistics_to_metric(*theirs, verbose=False)["frechet_inception_distance"]
    assert is_reliable(300, 280, dimensions=128)
    assert frechet_distance(gaussian(first), gaussian(second)) == pytest.approx(expected, rel=1e-6)


def test_frechet_of_a_set_with_itself_is_nothing() -> None:
    one = gaussian(features(100, 32, 3))
    assert 0 <= frechet_distance(one, one) < 1e-6


def test_few_pictures_are_said_to_be_too_few() -> None:
    assert not is_reliable(2560, 2559, dimensions=1280)
    with pytest.raises(ValueError, match="two pictures"):
        gaussian(features(1, 4, 0))


def brute_kernel(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """The unbiased squared MMD, term by term."""

    def kernel(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
        return float((x @ y / len(x) + 1) ** 3)

    same = [
        np.mean([kernel(x, y) for i, x in enumerate(points) for j, y in enumerate(points) if i != j])
        for points in (first, second)
    ]
    return float(sum(same) - 2 * np.mean([kernel(x, y) for x in first for y in second]))


def test_kernel_distance_is_the_mean_of_brute_force_over_its_subsets() -> None:
    first, second = features(24, 6, 0), features(20, 6, 1, shift=0.4)
    rng = np.random.RandomState(5)  # the draw of the subsets, as torch-fidelity makes it
    expected = []
    for _ in range(100):
        parts = [points[rng.choice(len(points), 10, replace=False)].astype(float) for points in (first, second)]
        expected.append(brute_kernel(*parts))
    found = kernel_distance(first, second, seed=5)
    assert found.mean == pytest.approx(np.mean(expected), rel=1e-4)
    assert found.deviation == pytest.approx(np.std(expected), rel=1e-4)


def test_kernel_distance_has_no_bias_where_the_frechet_distance_has() -> None:
    few = [kernel_distance(features(100, 32, s), features(100, 32, 100 + s), seed=0).mean for s in range(20)]
    assert abs(np.mean(few)) < 3 * np.std(few) / math.sqrt(20)
    assert frechet_distance(gaussian(features(100, 32, 0)), gaussian(features(100, 32, 100))) > 0.5


def test_kernel_subsets_are_half_the_smaller_set_and_a_thousand_at_most() -> None:
    assert (subset_size(10_000, 30_000), subset_size(1_500, 900), subset_size(4, 9)) == (1000, 450, 2)
    with pytest.raises(ValueError, match="four pictures"):
        subset_size(3, 100)


def test_inception_score_of_even_and_of_single_classes() -> None:
    certain = np.full((100, 5), -50, np.float32)
    certain[np.arange(100), np.arange(100) % 5] = 50
    shuffled_parts = inception_score(certain, seed=0).mean
    assert 3.5 < shuffled_parts <= 5  # ten parts of ten pictures: some class may be missing in a part
    assert inception_score(np.tile(certain[:1], (100, 1)), seed=0).mean == pytest.approx(1)
    with pytest.raises(ValueError, match="10 pictures"):
        inception_score(certain[:9], seed=0)
