"""The Fréchet distance between two sets of features (Heusel 2017, "GANs Trained by a Two Time-Scale Update Rule").

Both sets are taken as Gaussians: |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2(Σ₁Σ₂)^½). Only with the features of the 2015 Inception
network is it called FID. The numerics are torch-fidelity's, in double precision.

A covariance of D dimensions needs more than D pictures to be known at all; from fewer than 2·D the distance is mostly
the error of the estimate (`is_reliable`), and the kernel distance says more.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Gaussian(NamedTuple):
    """Mean (float64 D) and covariance (float64 D×D) of a set of features."""

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]


def gaussian(features: NDArray[np.floating]) -> Gaussian:
    """The Gaussian of N×D features.

    Raises:
        ValueError: for fewer than two pictures, which have no covariance.
    """
    if len(features) < 2:
        raise ValueError(f"a covariance needs two pictures or more, not {len(features)}")
    values = np.asarray(features, np.float64)
    mean = values.mean(axis=0)
    centred = values - mean
    return Gaussian(mean, centred.T @ centred / (len(values) - 1))


def frechet_distance(first: Gaussian, second: Gaussian) -> float:
    """|μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2(Σ₁Σ₂)^½); 0 where rounding alone would make it negative."""
    from torch_fidelity.metric_fid import (  # noqa: PLC0415 - seconds of imports, for evaluations only
        KEY_METRIC_FID,
        fid_statistics_to_metric,
    )

    statistics = [{"mu": one.mean, "sigma": one.covariance} for one in (first, second)]
    return max(0.0, float(fid_statistics_to_metric(*statistics, verbose=False)[KEY_METRIC_FID]))


def is_reliable(*counts: int, dimensions: int) -> bool:
    """Whether every set has at least two pictures for each dimension."""
    return min(counts) >= 2 * dimensions
