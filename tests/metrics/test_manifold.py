"""Precision, recall, density and coverage: a float64 brute force, to the last picture, and the `prdc` package."""

from __future__ import annotations

import contextlib
import io
import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from gantool.metrics.manifold import Overlap, overlap
from tests.metrics.test_distances import features


def brute(real: NDArray[np.float32], made: NDArray[np.float32]) -> Overlap:
    """Every distance in float64, compared as the papers say."""
    ours, theirs = (torch.from_numpy(points).double() for points in (real, made))
    between = torch.stack([(theirs - one).square().sum(1) for one in ours])  # N×M, no rounding of products

    def radii(points: torch.Tensor, neighbour: int) -> torch.Tensor:
        own = torch.stack([(points - one).square().sum(1) for one in points])
        return own.sort(dim=1).values[:, neighbour]

    inside = between < radii(ours, 5)[:, None]
    return Overlap(
        float((between <= radii(ours, 3)[:, None]).any(0).double().mean()),
        float((between <= radii(theirs, 3)).any(1).double().mean()),
        float(inside.sum(0).double().mean() / 5),
        float(inside.any(1).double().mean()),
    )


@pytest.mark.parametrize(("count", "others", "depth"), [(2000, 2000, 64), (700, 300, 200), (3000, 2100, 3), (6, 6, 8)])
def test_equals_a_brute_force_in_float64(count: int, others: int, depth: int) -> None:
    real, made = features(count, depth, 0), features(others, depth, 1, shift=0.03)
    assert overlap(real, made) == brute(real, made)


def test_equals_a_brute_force_where_rounding_decides() -> None:
    """Features far from zero, on a grid: countless equal distances, and float32 products lose most of their digits."""
    rng = np.random.default_rng(0)
    real, made = (rng.integers(0, 3, (400, 12)).astype(np.float32) / 8 + 100 for _ in range(2))
    assert overlap(real, made) == brute(real, made)


def test_density_and_coverage_equal_the_prdc_package() -> None:
    from prdc import compute_prdc

    real, made = features(600, 48, 2), features(500, 48, 3, shift=0.02)
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = compute_prdc(real.astype(float), made.astype(float), nearest_k=5)
    ours = overlap(real, made)
    assert (ours.density, ours.coverage) == pytest.approx((theirs["density"], theirs["coverage"]), rel=1e-12)


def test_says_what_it_should() -> None:
    real = features(500, 16, 4)
    copies = overlap(real, real)
    assert (copies.precision, copies.recall, copies.coverage) == (1, 1, 1)
    far = overlap(real, real + 1000)
    assert far == Overlap(0, 0, 0, 0)
    narrow = overlap(real, np.repeat(real[:1], 500, axis=0))  # one picture, five hundred times
    assert narrow.precision == 1
    assert narrow.recall < 0.01 and narrow.coverage < 0.05


def test_too_few_pictures_have_no_manifold() -> None:
    assert all(map(math.isnan, overlap(features(5, 4, 0), features(50, 4, 1))))
