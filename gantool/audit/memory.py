"""Does it draw its training pictures? And does its discriminator know them by heart?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gantool.audit import evidence
from gantool.audit.evidence import Pair
from gantool.audit.limits import Limits
from gantool.audit.material import Logits, Material, Seen
from gantool.audit.serial import Check, Number
from gantool.metrics.balance import at_most
from gantool.metrics.membership import advantage
from gantool.metrics.memorisation import (
    NEIGHBOURHOOD,
    Leaning,
    authentic,
    closeness,
    copy_limit,
    leaning,
    nearest_among,
)
from gantool.metrics.neighbours import Neighbours

FEWEST_TRAIN, FEWEST_HOLDOUT = 2 * NEIGHBOURHOOD, 50
"""Real pictures below which nothing can be told of neighbourhoods."""

_MEMORISED, _MEMBERSHIP = "Memorised pictures", "Membership"


class _Space(NamedTuple):
    """What generated and held-out pictures are near to, in one space."""

    limit: float
    """Closeness of a copy."""
    made: Neighbours
    holdout: Neighbours
    leaning: Leaning
    authentic_made: float
    authentic_holdout: float


def memorisation(material: Material, limits: Limits) -> tuple[Check, NDArray[np.uint8] | None]:
    """Copies of training pictures, and whether generated pictures lean towards them; and the sheet of worst pairs."""
    if not material.own:
        reason = (
            "The model was trained on another set than this one, so copies of its pictures would not be found here. "
            "Name the set that it was trained on, or leave --data away."
        )
        return Check(name="memorisation", title=_MEMORISED, verdict="skipped", reason=reason), None
    train, holdout = len(material.train), len(material.holdout)
    if train < FEWEST_TRAIN or holdout < FEWEST_HOLDOUT:
        reason = (
            f"{train:,} training and {holdout:,} held-out pictures: {FEWEST_TRAIN} and {FEWEST_HOLDOUT} are needed to "
            "know how near unseen pictures come by themselves. Prepare the set with --holdout 0.1 and train again."
        )
        return Check(name="memorisation", title=_MEMORISED, verdict="skipped", reason=reason), None
    spaces = {"features": _in_features(material), "pixels": _in_pixels(material)}
    made, held = (_any_copied(spaces, who) for who in ("made", "holdout"))
    copies, others = int(made.sum()), int(held.sum())
    rate, baseline = float(made.mean()), float(held.mean())
    by_chance = at_most(others, copies + others, holdout, holdout + len(made))
    copies_fail = rate - baseline > limits.copy_rate and by_chance < limits.significance
    leans = {
        name: space.leaning.leaning > limits.leaning and space.leaning.p < limits.significance
        for name, space in spaces.items()
    }
    failed = copies_fail or any(leans.values())
    most = max((space.leaning for space in spaces.values()), key=lambda one: one.leaning)
    reason = (
        f"{rate:.1%} of {len(made):,} generated pictures are copies of training pictures, against {baseline:.1%} of "
        f"held-out pictures, which cannot be copies. {most.share:.1%} are nearer to a training than to a held-out "
        f"picture, where chance makes it {most.chance:.1%}."
    )
    check = Check(
        name="memorisation",
        title=_MEMORISED,
        verdict="fail" if failed else "pass",
        reason=reason,
        numbers=(
            Number(
                name="copy_rate",
                title="Copies of training pictures",
                value=rate,
                baseline=baseline,
                limit=baseline + limits.copy_rate,
                unit="share",
            ),
            Number(name="copy_rate_p", title="Copies: by chance", value=by_chance, unit="p"),
            *(number for name, space in spaces.items() for number in _numbers(name, space, limits)),
        ),
        picture="memorisation.png",
        caption=(
            "Most suspicious first: a generated picture (left) and its nearest training picture (right), with their "
            "distance in units of that below which a picture is a copy. Rows are those of the set. Framed: copies."
        ),
    )
    return check, evidence.sheet(_pairs(material, spaces, made))


def _in_features(material: Material) -> _Space:
    train, holdout = material.train.features, material.holdout.features
    near = nearest_among(material.made.features, train, NEIGHBOURHOOD)
    held = nearest_among(holdout, train, NEIGHBOURHOOD)
    to_holdout = nearest_among(material.made.features, holdout, 1)
    return _space(near, held, to_holdout, train, len(holdout))


def _in_pixels(material: Material) -> _Space:
    train, holdout = material.train.afar, material.holdout.afar
    near, held = (_either_way(seen, train, NEIGHBOURHOOD) for seen in (material.made, material.holdout))
    return _space(near, held, _either_way(material.made, holdout, 1), train, len(holdout))


def _either_way(seen: Seen, others: NDArray[np.float32], count: int) -> Neighbours:
    """Neighbours of each picture or of its mirror image, whichever is nearer: a mirrored copy is a copy."""
    straight = nearest_among(seen.afar, others, count)
    if seen.mirrored is None:
        return straight
    mirrored = nearest_among(seen.mirrored, others, count)
    better = (mirrored.distances[:, 0] < straight.distances[:, 0])[:, None]
    return Neighbours(
        np.where(better, mirrored.distances, straight.distances), np.where(better, mirrored.rows, straight.rows)
    )


def _space(
    near: Neighbours,
    held: Neighbours,
    to_holdout: Neighbours,
    train: NDArray[np.float32],
    holdout: int,
) -> _Space:
    return _Space(
        limit=copy_limit(held),
        made=near,
        holdout=held,
        leaning=leaning(near, to_holdout, len(train), holdout),
        authentic_made=float(authentic(near, train).mean()),
        authentic_holdout=float(authentic(held, train).mean()),
    )


def _any_copied(spaces: dict[str, _Space], who: str) -> NDArray[np.bool]:
    found: NDArray[np.bool] = np.any(
        [closeness(getattr(space, who)) < space.limit for space in spaces.values()], axis=0
    )
    return found


def _numbers(name: str, space: _Space, limits: Limits) -> Iterator[Number]:
    lean = space.leaning
    yield Number(
        name=f"leaning_{name}",
        title=f"Leaning towards training pictures ({name})",
        value=lean.leaning,
        baseline=0.0,
        limit=limits.leaning,
        unit="share",
    )
    yield Number(name=f"leaning_{name}_p", title=f"Leaning: by chance ({name})", value=lean.p, unit="p")
    yield Number(
        name=f"authenticity_{name}",
        title=f"Authentic pictures ({name})",
        value=space.authentic_made,
        baseline=space.authentic_holdout,
        unit="share",
    )


def _pairs(material: Material, spaces: dict[str, _Space], made: NDArray[np.bool]) -> list[Pair]:
    """The pictures nearest to a training picture in either space, each once, and no training picture twice over."""
    found = np.stack([closeness(space.made) / space.limit for space in spaces.values()])
    rows = np.stack([space.made.rows[:, 0] for space in spaces.values()])
    space = found.argmin(axis=0)
    near = found.min(axis=0)
    chosen: dict[int, int] = {}
    for index in np.argsort(near, kind="stable"):
        chosen.setdefault(int(material.train_rows[rows[space[index], index]]), int(index))
        if len(chosen) == evidence.MOST:
            break
    originals = material.read(np.fromiter(chosen, np.int64))
    return [
        Pair(material.pixels[index], original, f"{near[index]:.2f}  made {index}, row {row}", bool(made[index]))
        for (row, index), original in zip(chosen.items(), originals, strict=True)
    ]


def membership(logits: Logits | str, limits: Limits) -> Check:
    """Whether the discriminator tells training from held-out pictures."""
    if isinstance(logits, str):
        return Check(name="membership", title=_MEMBERSHIP, verdict="skipped", reason=logits)
    few = min(len(logits.train), len(logits.holdout))
    if few < FEWEST_HOLDOUT:
        reason = f"{few:,} pictures are too few to tell: {FEWEST_HOLDOUT} training and held-out ones are needed."
        return Check(name="membership", title=_MEMBERSHIP, verdict="skipped", reason=reason)
    if not (np.isfinite(logits.train).all() and np.isfinite(logits.holdout).all()):
        reason = "The discriminator answers with what is no number, so nothing can be told from it."
        return Check(name="membership", title=_MEMBERSHIP, verdict="skipped", reason=reason)
    found = advantage(logits.train, logits.holdout)
    reason = (
        f"Of a training and a held-out picture the discriminator finds the training picture more real in "
        f"{found.auc:.1%} of pairs (95 % interval {found.lower:.1%} to {found.upper:.1%}); 50 % gives nothing away."
    )
    auc = Number(name="auc", title="Training told from held-out (AUC)", value=found.auc, baseline=0.5, unit="auc")
    lower = Number(name="auc_lower", title="AUC, lower bound", value=found.lower, limit=limits.membership, unit="auc")
    upper = Number(name="auc_upper", title="AUC, upper bound", value=found.upper, unit="auc")
    verdict = "fail" if found.lower > limits.membership else "pass"
    return Check(name="membership", title=_MEMBERSHIP, verdict=verdict, reason=reason, numbers=(auc, lower, upper))
