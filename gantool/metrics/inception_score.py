"""The Inception score (Salimans 2016, "Improved Techniques for Training GANs", section 4).

exp E KL(p(y|x) ‖ p(y)) over ten parts of the set: high when pictures are clearly of one class and all classes appear.
It never looks at real pictures, so it is given for comparison with older papers only. The numerics are
torch-fidelity's.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

PARTS = 10


class InceptionScore(NamedTuple):
    """Mean and standard deviation over the parts."""

    mean: float
    deviation: float


def inception_score(logits: NDArray[np.float32], *, seed: int) -> InceptionScore:
    """The score of N×1008 logits, N ≥ 10.

    Raises:
        ValueError: for fewer pictures than parts.
    """
    from torch_fidelity.metric_isc import (  # noqa: PLC0415 - seconds of imports, for evaluations only
        KEY_METRIC_ISC_MEAN,
        KEY_METRIC_ISC_STD,
        isc_features_to_metric,
    )

    if len(logits) < PARTS:
        raise ValueError(f"an Inception score needs {PARTS} pictures or more, not {len(logits)}")
    found = isc_features_to_metric(torch.from_numpy(logits), splits=PARTS, shuffle=True, rng_seed=seed % 2**32)
    return InceptionScore(float(found[KEY_METRIC_ISC_MEAN]), float(found[KEY_METRIC_ISC_STD]))
