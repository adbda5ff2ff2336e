"""Does it draw its training pictures? And does its discriminator know them by heart?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gantool.audit import evidence
from gantool.audit.copies import Exact, copies, exact_copies
from gantool.audit.copies import leaning as leaning_of
from gantool.audit.evidence import Pair
from gantool.audit.limits import Limits
from gantool.audit.material import Logits, Material, Seen
from gantool.audit.serial import Check, Number, verdict_of
from gantool.metrics.membership import advantage
from gantool.metrics.memorisation import (
    NEIGHBOURHOOD,
    Leaning,
    authentic,
    closeness,
    copy_limit,
    different,
    exact,
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
    exactly = exact_copies(material, limits)
    candidates = different(material.train.marks)
    if len(candidates) < FEWEST_TRAIN or len(material.holdout) < FEWEST_HOLDOUT:
        return _without_neighbourhoods(material, exactly, len(candidates))
    spaces = {"features": _in_features(material, candidates), "pixels": _in_pixels(material, candidates)}
    made = _any_copied(spaces, "made") | exactly.made
    held = _any_copied(spaces, "holdout") | exactly.holdout
    copied = copies(made, held, limits)
    leans = [leaning_of(name, space.leaning, limits) for name, space in spaces.items()]
    failed = exactly.failed or copied.failed or any(lean.failed for lean in leans)
    doubts = (*copied.doubts, *(doubt for lean in leans for doubt in lean.doubts))
    most = max((space.leaning for space in spaces.values()), key=lambda one: one.leaning)
    reason = (
        f"{made.mean():.1%} of {len(made):,} generated pictures are copies of {_searched(material)}, against "
        f"{held.mean():.1%} of held-out pictures, which cannot be copies. {exactly.text}{most.share:.1%} are nearer to "
        f"a training than to a held-out picture, where chance makes it {most.chance:.1%}."
    )
    check = Check(
        name="memorisation",
        title=_MEMORISED,
        verdict=verdict_of(failed=failed, unsure=bool(copied.doubts) or any(lean.unsure for lean in leans)),
        reason=" ".join([reason, *doubts]),
        unsure=not failed and (copied.unsure or any(lean.unsure for lean in leans)),
        numbers=(
            *copied.numbers,
            exactly.number(),
            *(one for lean in leans for one in lean.numbers),
            *(_authenticity(name, space) for name, space in spaces.items()),
        ),
        picture="memorisation.png",
        caption=(
            "Most suspicious first: a generated picture (left) and its nearest training picture (right), with their "
            "distance in units of that below which a picture is a copy. Rows are those of the set. Framed: copies."
        ),
    )
    return check, evidence.sheet(_pairs(material, spaces, made))


def _searched(material: Material) -> str:
    """In words: how many training pictures a copy would be found of."""
    some, total = len(material.train), material.train_total
    return "training pictures" if some == total else f"the {some:,} training pictures (of {total:,}) that were searched"


def _without_neighbourhoods(
    material: Material, exactly: Exact, different_ones: int
) -> tuple[Check, NDArray[np.uint8] | None]:
    """Too few real pictures to say what is near; but exact copies are copies."""
    reason = (
        f"{different_ones:,} different training and {len(material.holdout):,} held-out pictures: {FEWEST_TRAIN} and "
        f"{FEWEST_HOLDOUT} are needed to know how near unseen pictures come by themselves. Prepare the set with "
        "--holdout 0.1 and train again."
    )
    if not exactly.failed:
        return Check(name="memorisation", title=_MEMORISED, verdict="skipped", reason=reason), None
    check = Check(
        name="memorisation",
        title=_MEMORISED,
        verdict="fail",
        reason=f"Of {len(exactly.made):,} generated pictures {exactly.text.replace(' of them', '', 1)}{reason}",
        numbers=(exactly.number(),),
        picture="memorisation.png",
        caption="Generated pictures (left) that are training pictures (right) to the last pixel. Rows are those of "
        "the set.",
    )
    return check, evidence.sheet(_exact_pairs(material, exactly))


def _exact_pairs(material: Material, exactly: Exact) -> list[Pair]:
    chosen = np.flatnonzero(exactly.made)[: evidence.MOST]
    straight, mirrored = material.made.marks[chosen], material.made.mirrored_marks
    known = exact(straight, material.train.marks)
    marks = straight if mirrored is None else np.where(known, straight, mirrored[chosen])
    rows = np.array([material.train_rows[np.flatnonzero(material.train.marks == mark)[0]] for mark in marks])
    originals = material.read(rows)
    return [
        Pair(material.pixels[index], original, f"made {index}, row {row}", marked=True)
        for index, row, original in zip(chosen, rows, originals, strict=True)
    ]


def _in_features(material: Material, candidates: NDArray[np.int64]) -> _Space:
    train, holdout = material.train.features, material.holdout.features
    some = train[candidates]
    near, held = (
        _placed(nearest_among(seen.features, some, NEIGHBOURHOOD), candidates)
        for seen in (material.made, material.holdout)
    )
    to_holdout = nearest_among(material.made.features, holdout, 1)
    return _space(near, held, to_holdout, train, len(holdout))


def _in_pixels(material: Material, candidates: NDArray[np.int64]) -> _Space:
    train, holdout = material.train.afar, material.holdout.afar
    some = train[candidates]
    near, held = (
        _placed(_either_way(seen, some, NEIGHBOURHOOD), candidates) for seen in (material.made, material.holdout)
    )
    return _space(near, held, _either_way(material.made, holdout, 1), train, len(holdout))


def _placed(near: Neighbours, candidates: NDArray[np.int64]) -> Neighbours:
    """Rows of all training pictures, of neighbours among different ones: one that is there a hundred times is no
    neighbourhood."""
    return Neighbours(near.distances, candidates[near.rows])


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


def _authenticity(name: str, space: _Space) -> Number:
    return Number(
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
    failed = found.lower > limits.membership
    unsure = found.auc > limits.membership and not failed
    if unsure:
        reason += (
            f" {found.auc:.1%} is above the limit of {limits.membership:.1%}, but {few:,} pictures are too few to be "
            "sure: prepare the set with a larger --holdout."
        )
    return Check(
        name="membership",
        title=_MEMBERSHIP,
        verdict=verdict_of(failed=failed, unsure=unsure),
        unsure=unsure,
        reason=reason,
        numbers=(auc, lower, upper),
    )
