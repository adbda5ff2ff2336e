"""Does it draw all that it was shown? Classes that are missing, and pictures that come again."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gantool.audit import doubt, evidence
from gantool.audit.evidence import Pair
from gantool.audit.limits import Limits
from gantool.audit.material import Material
from gantool.audit.reference import Classes
from gantool.audit.serial import Check, ClassRow, Number, verdict_of
from gantool.metrics.balance import Balance, effective, pictures_needed
from gantool.metrics.balance import balance as compare
from gantool.metrics.collisions import Collisions, collisions, usual_scale
from gantool.metrics.manifold import overlap

FEWEST = 50
"""Pictures below which neither shares nor twins mean anything."""

_FEWER = 10
_BALANCE, _DUPLICATES = "Balance of classes", "Pictures that come again"


def balance(material: Material, limits: Limits) -> Check:
    """Whether the classes of generated pictures are those of real ones, as often."""
    classes = material.classes
    if isinstance(classes, str):
        return Check(name="balance", title=_BALANCE, verdict="skipped", reason=classes)
    if (too_few := _too_few(classes, limits)) is not None:
        return Check(name="balance", title=_BALANCE, verdict="skipped", reason=too_few)
    found = compare(
        classes.real, classes.made, len(classes.names), weights=classes.weights, significance=limits.significance
    )
    dropped = [name for name, gone in zip(classes.names, found.dropped, strict=True) if gone]
    above = found.distance > limits.total_variation
    failed = (above and found.p < limits.significance) or len(dropped) > limits.dropped_classes
    unsure = above and not failed
    reason = (
        f"{found.distance:.1%} of {len(classes.made):,} generated pictures would have to be of another class to have "
        "the shares of training pictures. " + (f"Missing: {_listed(dropped)}." if dropped else "No class is missing.")
    )
    if unsure:
        reason += (
            f" That is above the limit of {limits.total_variation:.1%}, but chance makes such in {found.p:.1%} of "
            "cases: draw more with --samples."
        )
    return Check(
        name="balance",
        title=_BALANCE,
        verdict=verdict_of(failed=failed, unsure=unsure),
        unsure=unsure,
        reason=reason,
        numbers=(*_balance_numbers(found, len(dropped), limits), *_as_asked(classes)),
        classes=_rows(material, classes, found),
    )


def _too_few(classes: Classes, limits: Limits) -> str | None:
    """What says that a difference at the limit would not be significant; None where it would."""
    real, made, count = effective(len(classes.real), classes.weights), len(classes.made), len(classes.names)
    fewest = max(FEWEST, 5 * count)
    needed = float(fewest)
    if limits.total_variation > 0:
        needed = max(needed, pictures_needed(real, count, limits.total_variation, limits.significance))
    if real >= fewest and made >= needed:
        return None
    say = f"{real:,.0f} real and {made:,} generated pictures are too few for {count} classes: "
    if real < fewest or math.isinf(needed):
        return f"{say}more real ones are needed."
    return f"{say}{math.ceil(needed):,} generated ones are needed."


def _balance_numbers(found: Balance, dropped: int, limits: Limits) -> tuple[Number, ...]:
    distance = Number(
        name="total_variation",
        title="Pictures of the wrong class (total variation)",
        value=found.distance,
        baseline=0.0,
        limit=limits.total_variation,
        unit="share",
    )
    return (
        distance,
        Number(
            name="dropped_classes",
            title="Classes that are missing",
            value=dropped,
            limit=limits.dropped_classes,
            unit="count",
        ),
        Number(name="chi_square", title="Chi-square of homogeneity", value=found.chi_square),
        Number(name="chi_square_p", title="Balance: by chance", value=found.p, unit="p"),
    )


def _as_asked(classes: Classes) -> tuple[Number, ...]:
    """How many generated pictures are taken for what they were asked to be, and real ones for what they are."""
    if classes.asked is None:
        return ()
    share = float((classes.made == classes.asked).mean())
    of_real = float(np.average(classes.real == classes.labels, weights=classes.weights))
    return (
        Number(name="as_asked", title="Taken for the class asked for", value=share, baseline=of_real, unit="share"),
    )


def _rows(material: Material, classes: Classes, found: Balance) -> tuple[ClassRow, ...]:
    rows = []
    for number, name in enumerate(classes.names):
        real = classes.features[classes.real == number]
        made = material.made.features[classes.made == number]
        met = overlap(real, made)
        rows.append(
            ClassRow(
                name=name,
                expected=float(found.expected[number]),
                made=float(found.made[number]),
                recall=_known(met.recall),
                coverage=_known(met.coverage),
                dropped=bool(found.dropped[number]),
                as_asked=_share_as_asked(classes, number),
            )
        )
    return tuple(rows)


def _share_as_asked(classes: Classes, number: int) -> float | None:
    if classes.asked is None or not (asked := classes.asked == number).any():
        return None
    return float((classes.made[asked] == number).mean())


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:6])
    return shown if len(names) <= 6 else f"{shown} and {len(names) - 6} more"


def duplicates(material: Material, limits: Limits, seed: int) -> tuple[Check, NDArray[np.uint8] | None]:
    """Whether generated pictures have more near-identical twins than real ones, and the sheet of such pairs."""
    everyone = np.concatenate([material.train.afar, material.holdout.afar])
    count = min(len(everyone), len(material.made))
    if count < FEWEST:
        reason = f"{count:,} pictures are too few to look for twins: {FEWEST} real and generated ones are needed."
        return Check(name="duplicates", title=_DUPLICATES, verdict="skipped", reason=reason), None
    rows = np.random.default_rng(seed).permutation(len(everyone))[:count]
    real, made = everyone[np.sort(rows)], material.made.afar[:count]
    scale = usual_scale(real)
    ours, theirs = collisions(made, scale), collisions(real, scale)
    with_twin, without = round(ours.share * count), round(theirs.share * count)
    limit = theirs.share + limits.twins
    by_chance = doubt.chance(without, count, with_twin, count)
    above, needed = ours.share > limit, doubt.least_to_see(limit)
    # Where nearly all real pictures have twins, no share is above the limit: then it is how many twins they have.
    repeats = limit >= 1 > limits.twins and ours.support * _FEWER < theirs.support
    failed = (above and by_chance < limits.significance) or repeats
    unsure = above and not failed
    at_least = "" if ours.pairs else "at least "
    such = "1 such pair suggests" if ours.pairs == 1 else f"{ours.pairs:,} such pairs suggest"
    reason = (
        f"{ours.share:.1%} of {count:,} generated pictures have a near-identical other, against {theirs.share:.1%} of "
        f"as many real ones. {such} {at_least}{ours.support:,.0f} different pictures"
        f"{f', those of real ones {theirs.support:,.0f}' if repeats else ''}."
    )
    if unsure:
        enough = doubt.least_to_be_sure(ours.share, without, count, count, limits.significance)
        reason += " " + doubt.unsure(ours.share, limit, count, enough)
    elif not failed and count < needed:
        reason += f" {count:,} pictures are too few to see {limit:.1%} of them: {needed:,} are needed."
    check = Check(
        name="duplicates",
        title=_DUPLICATES,
        verdict=verdict_of(failed=failed, unsure=unsure or count < needed),
        unsure=unsure,
        reason=reason,
        numbers=_duplicate_numbers(ours, theirs, by_chance, limits),
        picture="duplicates.png",
        caption="Generated pictures (left) and the most alike other generated ones (right), with their distance in "
        "units of that below which pictures are near-identical. Framed: near-identical.",
    )
    return check, evidence.sheet(_pairs(material.pixels, ours, scale))


def _duplicate_numbers(ours: Collisions, theirs: Collisions, by_chance: float, limits: Limits) -> tuple[Number, ...]:
    at_least = "" if ours.pairs else ", at least"
    return (
        Number(
            name="twins",
            title="Pictures with a near-identical other",
            value=ours.share,
            baseline=theirs.share,
            limit=theirs.share + limits.twins,
            unit="share",
        ),
        Number(name="twins_p", title="Twins: by chance", value=by_chance, unit="p"),
        Number(name="pairs", title="Near-identical pairs", value=ours.pairs, baseline=theirs.pairs, unit="count"),
        Number(
            name="support",
            title=f"Different pictures{at_least} (birthday paradox)",
            value=ours.support,
            baseline=theirs.support,
            unit="count",
        ),
    )


def _pairs(pixels: NDArray[np.uint8], found: Collisions, scale: float) -> list[Pair]:
    """The most alike, each pair once."""
    pairs: dict[frozenset[int], Pair] = {}
    for index in np.argsort(found.distances, kind="stable"):
        other, apart = int(found.nearest[index]), float(found.distances[index])
        label = f"{apart / scale if scale else 0:.2f}  made {index} and {other}"
        pairs.setdefault(frozenset((int(index), other)), Pair(pixels[index], pixels[other], label, apart < scale))
        if len(pairs) == evidence.MOST:
            break
    return list(pairs.values())
