"""What the discriminator makes of training, held-out and generated pictures.

What it knows better of training pictures than of held-out ones is what it has learned by heart: the gap between their
mean logits is the first sign of overfitting, long before pictures get worse.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from gantool.device import exactly
from gantool.images import to_unit_range
from gantool.models.base import Discriminator

Logits = NDArray[np.float32]

_BLOCK = 64


@torch.no_grad()
def logits_of(
    network: Discriminator, pixels: NDArray[np.uint8], labels: NDArray[np.int64] | None, device: torch.device
) -> Logits:
    """What ``network`` makes of uint8 N×H×W×C pictures of classes ``labels`` (int64 N): float32 N."""
    found = np.empty(len(pixels), np.float32)
    for start in range(0, len(pixels), _BLOCK):
        rows = slice(start, start + _BLOCK)
        images = to_unit_range(torch.from_numpy(pixels[rows])).to(device)
        asked = None if labels is None else torch.from_numpy(labels[rows]).to(device)
        with exactly(device):
            found[rows] = network(images, asked).float().cpu().numpy()
    return found


def judge(train: Logits, held_out: Logits | None, made: Logits, *, boundary: float | None) -> Mapping[str, float]:
    """Accuracies and mean logits.

    Args:
        train: logits of training pictures.
        held_out: of pictures that training never shows; None where nothing is held out.
        made: of generated pictures.
        boundary: the logit between fake and real; None where only differences of logits mean something: accuracies
            then are P(D(x) > D(G(z))), and named so: the generated ones begin again where there are fewer of them.
    """
    if boundary is None:
        made = np.resize(made, max(len(train), 0 if held_out is None else len(held_out)))
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
