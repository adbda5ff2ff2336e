"""What the discriminator makes of training, held-out and generated pictures.

What it knows better of training pictures than of held-out ones is what it has learned by heart: the gap between their
mean logits is the first sign of overfitting, long before pictures get worse.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Logits = NDArray[np.float32]


def judge(train: Logits, held_out: Logits | None, made: Logits, *, boundary: float | None) -> Mapping[str, float]:
    """Accuracies and mean logits.

    Args:
        train: logits of training pictures.
        held_out: of pictures that training never shows; None where nothing is held out.
        made: of generated pictures, as many as of the largest of the others.
        boundary: the logit between fake and real; None where only differences of logits mean something: accuracies
            then are P(D(x) > D(G(z))), and named so.
    """
    splits = {"train": train} | ({} if held_out is None else {"holdout": held_out})
    found: dict[str, float] = {}
    for split, logits in splits.items():
        if boundary is None:
            found[f"accuracy_paired_{split}"] = float((logits > made[: len(logits)]).mean())
        else:
            found[f"accuracy_{split}"] = float((logits > boundary).mean())
    if boundary is not None:
        found["accuracy_made"] = float((made < boundary).mean())
    found |= {f"logit_{split}": float(logits.mean()) for split, logits in splits.items()}
    found["logit_made"] = float(made.mean())
    if held_out is not None:
        found["gap"] = found["logit_train"] - found["logit_holdout"]
    return found
