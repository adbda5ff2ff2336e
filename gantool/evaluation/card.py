"""The metric card: numbers with everything that another person needs to believe or repeat them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import NonNegativeFloat

from gantool.evaluation import document
from gantool.evaluation.document import Document, Part
from gantool.evaluation.reference import FloorName
from gantool.evaluation.scores import MEASURES, Scores
from gantool.evaluation.scores import VERSION as METHOD
from gantool.metrics.features import FeatureFacts
from gantool.version import __version__


class Subject(Part):
    """What was measured."""

    kind: Literal["checkpoint", "images"]
    name: str
    digest: str | None = None
    images_seen: int | None = None
    weights: Literal["ema", "raw"] | None = None


class Features(Part):
    """In which features."""

    name: str
    dimensions: int
    weights: str
    size: str
    filter: str


class ReferencePart(Part):
    """Against which real pictures."""

    split: Literal["holdout", "train"]
    fingerprint: str
    pictures: int
    of: int


class Spread(Part):
    """Mean and deviation over seeds; null where it cannot be computed."""

    mean: float | None
    deviation: NonNegativeFloat | None


class Floor(Part):
    """What real pictures score: against others drawn from all, and one split against the other."""

    halves: Spread
    train_holdout: Spread | None = None


class Value(Spread):
    """One number, with its floor."""

    name: str
    title: str
    better: Literal["lower", "higher"]
    per_seed: tuple[float | None, ...]
    within: float | None = None
    floor: Floor
    reliable: bool = True
    leads: bool = False
    note: str = ""


class Card(Document):
    """A metric card."""

    format: Literal[1] = 1
    kind: Literal["metric card"] = "metric card"
    tool: str = "gantool"
    version: str = __version__
    method: int = METHOD
    subject: Subject
    features: Features
    reference: ReferencePart
    samples: int
    seeds: tuple[int, ...]
    values: tuple[Value, ...]
    discriminator: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()


def read(path: Path) -> Card:
    """The card in ``path``; raises as `document.read` does."""
    return document.read(path, Card, "metric card")


def differences(one: Card, other: Card) -> list[str]:
    """Why two cards cannot be compared, one sentence each; none where they can."""
    pairs = (
        ("way of measuring", f"{one.method}", f"{other.method}"),
        ("features", one.features.name, other.features.name),
        ("weights of the features", one.features.weights[:12], other.features.weights[:12]),
        ("size that pictures are shown at", one.features.size, other.features.size),
        ("resize filter", one.features.filter, other.features.filter),
        ("reference split", one.reference.split, other.reference.split),
        ("data (fingerprint)", one.reference.fingerprint[:12], other.reference.fingerprint[:12]),
        ("reference pictures", f"{one.reference.pictures:,}", f"{other.reference.pictures:,}"),
        ("generated pictures", f"{one.samples:,}", f"{other.samples:,}"),
    )
    return [f"{what}: {ours} against {theirs}" for what, ours, theirs in pairs if ours != theirs]


def value(
    name: str,
    facts: FeatureFacts,
    scores: Sequence[Scores],
    floors: dict[FloorName, list[dict[str, float]]],
    *,
    reliable: bool,
    leads: bool,
    fixed: bool = False,
) -> Value:
    """One number from what every seed gave; ``fixed``: the seeds could only take the same pictures."""
    measured = [each.values[name] for each in scores]
    # Training against held-out pictures are the same pictures for every seed.
    seen = {f: _spread([each[name] for each in found], fixed=f == "train_holdout") for f, found in floors.items()}
    note = ""
    if not reliable and name == "frechet_distance":
        note = f"unreliable: fewer pictures than twice the {facts.dimensions} dimensions; go by the kernel distance"
    elif all(map(math.isnan, measured)):
        note = "too few pictures"
    within = statistics.fmean(each.within for each in scores) if name == "kernel_distance" else None
    spread = _spread(measured, fixed=fixed)
    return Value(
        name=name,
        title=title(name, facts.name),
        better=MEASURES[name].better,
        mean=spread.mean,
        deviation=spread.deviation,
        per_seed=tuple(None if math.isnan(each) else each for each in measured),
        within=within,
        floor=Floor(halves=seen["halves"], train_holdout=seen.get("train_holdout")),
        reliable=reliable or name != "frechet_distance",
        leads=leads,
        note=note,
    )


def title(name: str, features: str) -> str:
    """How a number is called: only with Inception's features the distances are FID and KID."""
    if features == "inception" and name in ("frechet_distance", "kernel_distance"):
        return {"frechet_distance": "FID", "kernel_distance": "KID"}[name]
    return MEASURES[name].title if name == "inception_score" else f"{MEASURES[name].title} ({features})"


def _spread(values: Sequence[float], *, fixed: bool) -> Spread:
    """Mean and deviation; none where no seed moved a picture: what is left is the draw of subsets."""
    if not values or any(map(math.isnan, values)):
        return Spread(mean=None, deviation=None)
    deviation = statistics.stdev(values) if len(values) > 1 and not fixed else None
    return Spread(mean=statistics.fmean(values), deviation=deviation)
