"""Whether the discriminator gives away which pictures it was trained on.

A discriminator that has learned its pictures by heart says "real" more firmly of them than of others. The area under
the curve (AUC) is how often a training picture has the larger logit of a pair with a held-out one: 0.5 when nothing
is given away, 1 when everything is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_NORMAL_95 = 1.959963984540054  # of a normal distribution 95 % lie within so many deviations


class Advantage(NamedTuple):
    """AUC with its 95 % confidence interval."""

    auc: float
    lower: float
    upper: float


def advantage(train: NDArray[np.floating], holdout: NDArray[np.floating]) -> Advantage:
    """How well logits tell training from held-out pictures; pairs of equal logits count half.

    The interval is that of DeLong 1988 ("Comparing the Areas under Two or More Correlated Receiver Operating
    Characteristic Curves"), from midranks as Sun & Xu 2014 ("Fast Implementation of DeLong's Algorithm") compute it.
    At 0 and 1, where every pair says the same, it has no width: then it is the one that the rule of three gives.

    Args:
        train: N logits, N ≥ 2.
        holdout: m logits, m ≥ 2.

    Raises:
        ValueError: for fewer.
    """
    count, others = len(train), len(holdout)
    if min(count, others) < 2:
        raise ValueError(f"an interval needs two pictures or more of each kind, not {count} and {others}")
    both = _midranks(np.concatenate([train, holdout]))
    # How many held-out pictures lie below a training one, and how many training ones above a held-out one.
    below = (both[:count] - _midranks(train)) / others
    above = 1 - (both[count:] - _midranks(holdout)) / count
    auc = float(below.mean())
    deviation = float(np.sqrt(below.var(ddof=1) / count + above.var(ddof=1) / others))
    margin = _NORMAL_95 * deviation if deviation > 0 or 0 < auc < 1 else 3 / min(count, others)
    return Advantage(auc, max(0.0, auc - margin), min(1.0, auc + margin))


def _midranks(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Ranks from 1, equal values sharing the mean of theirs: float64 n."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = counts.cumsum()
    ranks: NDArray[np.float64] = (last - (counts - 1) / 2)[places]
    return ranks
