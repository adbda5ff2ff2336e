"""A number, or a number that changes with ``images_seen``.

A key that takes a schedule takes ``2e-4`` or ``{from: 2e-4, to: 5e-5, until: 20000000, shape: cosine}``.
The value is a function of the one counter, so that a resumed run needs no schedule state.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveInt

from gantool.component import Settings


class Ramp(Settings):
    """From one value to another while ``images_seen`` goes from 0 to ``until``; held at ``to`` from there on.

    ``until`` may be left out: it then is the run's ``training.total_images``, frozen into the resolved config, so
    that a run which is extended later holds the end value.
    """

    start: float = Field(alias="from")
    to: float
    until: PositiveInt | None = None
    shape: Literal["linear", "cosine"] = "linear"


Scheduled = float | Ramp


def _check_not_negative(scheduled: Scheduled) -> Scheduled:
    ends = (scheduled.start, scheduled.to) if isinstance(scheduled, Ramp) else (scheduled,)
    if min(ends) < 0:
        raise ValueError("must not be below 0")
    return scheduled


NotNegative = Annotated[Scheduled, AfterValidator(_check_not_negative)]
"""A schedule whose values are 0 or more: weights, learning rates, half-lives."""


def value_at(scheduled: Scheduled, images_seen: int) -> float:
    """The value of ``scheduled`` when ``images_seen`` images have been shown.

    Raises:
        ValueError: for a ramp whose end is not resolved yet.
    """
    if not isinstance(scheduled, Ramp):
        return scheduled
    if scheduled.until is None:
        raise ValueError("a ramp without `until`: the config was not resolved")
    progress = min(1.0, images_seen / scheduled.until)
    if scheduled.shape == "cosine":
        progress = 0.5 * (1.0 - math.cos(math.pi * progress))
    return scheduled.start + (scheduled.to - scheduled.start) * progress
