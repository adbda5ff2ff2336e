"""Signs that a run goes wrong, seen at an evaluation: what they are, and what to try."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

LEAST_DIVERSITY = 0.4
"""Spread of generated pictures, relative to real ones, below which they are all alike."""
WON = 0.99
"""Share of pictures that a discriminator which has won judges rightly."""
OVERFITTED = 0.1
"""By how much more of the training pictures than of the held-out ones a discriminator may be right."""

Values = Mapping[str, float | None]


class Sign(NamedTuple):
    """One sign."""

    name: str
    message: str


def new_signs(values: Values, history: Sequence[Values]) -> list[Sign]:
    """What ``values`` of an evaluation show that has not been said of the one before.

    Args:
        values: of this evaluation.
        history: of those before it, the last one last, at most two. At the first evaluation all pictures of a generator
            that has hardly begun are still alike, and nothing is said of that.
    """
    said = {sign.name for sign in signs(history[-1])} if history else {"collapse"}
    if len(history) == 1:
        said.discard("collapse")
    return [sign for sign in signs(values) if sign.name not in said]


def signs(values: Values) -> list[Sign]:
    """All that ``values`` show."""
    return [sign for look in (_collapse, _won, _overfitting) if (sign := look(values)) is not None]


def _collapse(values: Values) -> Sign | None:
    diversity = _number(values, "diversity")
    if not diversity < LEAST_DIVERSITY:
        return None
    return Sign(
        "collapse",
        f"mode collapse: generated pictures differ from each other {diversity:.0%} as much as real ones do; go back to "
        "the best checkpoint, add a penalty (penalties: [{name: r1}]), or lower the generator's learning rate",
    )


def _won(values: Values) -> Sign | None:
    paired, train, made = (_number(values, f"accuracy_{kind}") for kind in ("paired_train", "train", "made"))
    if not (paired > WON or (train > WON and made > WON)):
        return None
    right = paired if paired > WON else min(train, made)
    return Sign(
        "discriminator_won",
        f"the discriminator has won: it is right on {right:.1%} of the pictures, so the generator learns little; lower "
        "the discriminator's learning rate, or add a penalty (penalties: [{name: r1}])",
    )


def _overfitting(values: Values) -> Sign | None:
    for kind in ("", "paired_"):
        train, held_out = (_number(values, f"accuracy_{kind}{split}") for split in ("train", "holdout"))
        if train - held_out > OVERFITTED:
            return Sign(
                "overfitting",
                f"the discriminator learns its pictures by heart: it is right on {train:.1%} of the training pictures "
                f"and {held_out:.1%} of the held-out ones; more pictures, augment: [{{name: mirror}}], a stronger "
                "penalty or a smaller discriminator help, and evaluation.patience stops in time",
            )
    return None


def _number(values: Values, name: str) -> float:
    value = values.get(name)
    return math.nan if value is None else value
