"""The kernel distance between two sets of features (Bińkowski 2018, "Demystifying MMD GANs", section 4).

The squared maximum mean discrepancy with the kernel (x·y/D + 1)³, estimated without bias: it is comparable between
numbers of pictures, where the Fréchet distance is not, and it may come out below 0. Only with Inception's features is
it called KID. The numerics are torch-fidelity's.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

SUBSET = 1000
SUBSETS = 100


class KernelDistance(NamedTuple):
    """Mean and standard deviation over random subsets."""

    mean: float
    deviation: float


def kernel_distance(first: NDArray[np.float32], second: NDArray[np.float32], *, seed: int) -> KernelDistance:
    """The unbiased estimate, over 100 random subsets of min(1000, n/2) of each set.

    Args:
        first: float N×D.
        second: float M×D.
        seed: draws the subsets.

    Raises:
        ValueError: for fewer than four pictures, whose halves have no pairs.
    """
    from torch_fidelity.metric_kid import (  # noqa: PLC0415 - seconds of imports, for evaluations only
        KEY_METRIC_KID_MEAN,
        KEY_METRIC_KID_STD,
        kid_features_to_metric,
    )

    size = subset_size(len(first), len(second))
    found = kid_features_to_metric(
        torch.from_numpy(np.ascontiguousarray(first, np.float32)),
        torch.from_numpy(np.ascontiguousarray(second, np.float32)),
        kid_subsets=SUBSETS,
        kid_subset_size=size,
        rng_seed=seed % 2**32,  # numpy's old generator takes no more
        verbose=False,
    )
    return KernelDistance(float(found[KEY_METRIC_KID_MEAN]), float(found[KEY_METRIC_KID_STD]))


def subset_size(*counts: int) -> int:
    """min(1000, n/2), n the smaller set.

    Raises:
        ValueError: for fewer than four pictures.
    """
    size = min(SUBSET, min(counts) // 2)
    if size < 2:
        raise ValueError(f"a kernel distance needs four pictures or more, not {min(counts)}")
    return size
