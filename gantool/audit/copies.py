"""What copies and a leaning towards training pictures say: a failure, a doubt, or nothing."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gantool.audit import doubt
from gantool.audit.limits import Limits
from gantool.audit.material import Material, Seen
from gantool.audit.serial import Number
from gantool.metrics.memorisation import Leaning, exact

_SUSPICIOUS = 0.05


class Exact(NamedTuple):
    """Which pictures are training pictures to the last pixel, and what that says."""

    made: NDArray[np.bool]
    holdout: NDArray[np.bool]
    limit: float
    failed: bool
    text: str

    def number(self) -> Number:
        """Their share."""
        return Number(
            name="exact_copies",
            title="Exact copies of training pictures",
            value=float(self.made.mean()),
            baseline=float(self.holdout.mean()) if len(self.holdout) else None,
            limit=self.limit,
            unit="share",
        )


class Judged(NamedTuple):
    """What was found of one kind of evidence: whether it fails, and else what is in doubt."""

    failed: bool
    doubts: tuple[str, ...]
    numbers: tuple[Number, ...]
    unsure: bool


def exact_copies(material: Material, limits: Limits) -> Exact:
    """One is enough, unless held-out pictures are exact copies too: then it takes more than chance makes of those."""
    made, holdout = (_copied(seen, material.train) for seen in (material.made, material.holdout))
    few, many = int(holdout.sum()), int(made.sum())
    limit = few / max(1, len(holdout)) + limits.exact_copies
    if few:
        limit = max(limit, doubt.most_by_chance(few, len(holdout), len(made), limits.significance))
    what = "is a training picture" if many == 1 else "are training pictures"
    text = f"{many:,} of them {what} to the last pixel. " if many else ""
    return Exact(made, holdout, limit, many / len(made) > limit, text)


def _copied(seen: Seen, train: Seen) -> NDArray[np.bool]:
    """A mirrored copy is one, too."""
    straight = exact(seen.marks, train.marks)
    return straight if seen.mirrored_marks is None else straight | exact(seen.mirrored_marks, train.marks)


def copies(made: NDArray[np.bool], held: NDArray[np.bool], limits: Limits) -> Judged:
    """By the share of copies: bool n, bool m."""
    count, others, rate = len(made), int(held.sum()), float(made.mean())
    baseline = float(held.mean())
    limit = baseline + limits.copy_rate
    by_chance = doubt.chance(others, len(held), int(made.sum()), count)
    above, needed = rate > limit, doubt.least_to_see(limit)
    failed = above and by_chance < limits.significance
    doubts: tuple[str, ...] = ()
    if above and not failed:
        enough = doubt.least_to_be_sure(rate, others, len(held), count, limits.significance)
        doubts = (doubt.unsure(rate, limit, count, enough),)
    elif count < needed:
        doubts = (f"A model that copies {limit:.1%} may show none among {count:,}: {needed:,} pictures are needed.",)
    copy_rate = Number(
        name="copy_rate",
        title="Copies of training pictures",
        value=rate,
        baseline=baseline,
        limit=limit,
        unit="share",
    )
    p = Number(name="copy_rate_p", title="Copies: by chance", value=by_chance, unit="p")
    return Judged(failed, doubts, (copy_rate, p), above and not failed)


def leaning(name: str, lean: Leaning, limits: Limits) -> Judged:
    """What chance makes in one of twenty cases or more is not judged: no number of pictures would be enough."""
    above = lean.leaning > limits.leaning
    failed = above and lean.p < limits.significance
    judged = not above or failed or lean.p < _SUSPICIOUS
    doubts: tuple[str, ...] = ()
    if above and not failed:
        rest = (
            "it takes more generated (--samples) or held-out pictures to be sure"
            if judged
            else "so it is not judged; more held-out pictures would tell"
        )
        doubts = (
            f"The leaning of {lean.leaning:.1%} in {name} is above the limit of {limits.leaning:.1%}, but chance makes "
            f"such in {lean.p:.1%} of cases: {rest}.",
        )
    value = Number(
        name=f"leaning_{name}",
        title=f"Leaning towards training pictures ({name})",
        value=lean.leaning,
        baseline=0.0,
        limit=limits.leaning if judged else None,
        unit="share",
    )
    p = Number(name=f"leaning_{name}_p", title=f"Leaning: by chance ({name})", value=lean.p, unit="p")
    return Judged(failed, doubts, (value, p), judged and above and not failed)
