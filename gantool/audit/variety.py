"""Does it draw all that it was shown? Classes that are missing, and pictures that come again."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gantool.audit import evidence
from gantool.audit.evidence import Pair
from gantool.audit.limits import Limits
from gantool.audit.material import Classes, Material
from gantool.audit.serial import Check, ClassRow, Number
from gantool.metrics.balance import Balance, at_most
from gantool.metrics.balance import balance as compare
from gantool.metrics.collisions import Collisions, collisions, usual_scale
from gantool.metrics.manifold import overlap

FEWEST = 50
"""Pictures below which neither shares nor twins mean anything."""

_BALANCE, _DUPLICATES = "Balance of classes", "Pictures that come again"


def balance(material: Material, limits: Limits) -> Check:
    """Whether the classes of generated pictures are those of real ones, as often."""
    classes = material.classes
    if isinstance(classes, str):
        return Check(name="balance", title=_BALANCE, verdict="skipped", reason=classes)
    fewest = max(FEWEST, 5 * len(classes.names))
    if min(len(classes.real), len(classes.made)) < fewest:
        reason = (
            f"{len(classes.real):,} real and {len(classes.made):,} generated pictures are too few for "
            f"{len(classes.names)} classes: {fewest} of each are needed."
        )
        return Check(name="balance", title=_BALANCE, verdict="skipped", reason=reason)
    found = compare(classes.real, classes.made, len(classes.names), significance=limits.significance)
    dropped = [name for name, gone in zip(classes.names, found.dropped, strict=True) if gone]
    uneven = found.distance > limits.total_variation and found.p < limits.significance
    failed = uneven or len(dropped) > limits.dropped_classes
    reason = (
        f"{found.distance:.1%} of {len(classes.made):,} generated pictures would have to be of another class to have "
        "the shares of real ones. " + (f"Missing: {_listed(dropped)}." if dropped else "No class is missing.")
    )
    return Check(
        name="balance",
        title=_BALANCE,
        verdict="fail" if failed else "pass",
        reason=reason,
        numbers=_balance_numbers(found, len(dropped), limits),
        classes=_rows(material, classes, found),
    )


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
            )
        )
    return tuple(rows)


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
    by_chance = at_most(without, with_twin + without, count, 2 * count)
    failed = ours.share - theirs.share > limits.twins and by_chance < limits.significance
    at_least = "" if ours.pairs else "at least "
    reason = (
        f"{ours.share:.1%} of {count:,} generated pictures have a near-identical other, against {theirs.share:.1%} of "
        f"as many real ones. {ours.pairs:,} such pairs suggest {at_least}{ours.support:,.0f} different pictures."
    )
    check = Check(
        name="duplicates",
        title=_DUPLICATES,
        verdict="fail" if failed else "pass",
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
