"""From a seed to a verdict: a dirty set is made, checked as a person would, and scored."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from gantool.data.detect import settings_for
from gantool.inspection.inspect import Wish, inspect
from gantool.inspection.strangers import FeatureLimit
from tests.dirty.make import PICTURES, make_emoji, make_garments
from tests.dirty.score import Halves, Score, flags_of, score

KEPT = {
    ("emoji", "good pictures flagged"): 0.04,
}
"""What is kept where a demand is missed, so that it gets no worse (docs/data.md says why): emoji that differ in a skin
tone, with features."""


def broken(found: Score) -> list[str]:
    """The demands that are neither met nor as near to it as they are known to be."""
    worse = []
    for demand in found.demands:
        kept = KEPT.get((found.name, demand.what), demand.wanted)
        if demand.got > kept if demand.most else demand.got < kept:
            worse.append(f"{demand.what}: {demand.got:.3f}")
    return worse


def proved(
    name: str,
    folder: Path,
    *,
    seed: int = 0,
    half: Halves = "B",
    features: Literal["auto", "on", "off"] = "off",
    emoji: Path | None = None,
) -> Score:
    """What the check finds in a new dirty set.

    Args:
        name: ``garments`` or ``emoji``.
        folder: where the set is made.
        seed: of the set.
        half: which half is scored.
        features: whether a network looks at the pictures too.
        emoji: the unpacked npm package; None lets npm fetch it.
    """
    truth = make_garments(folder, seed) if name == "garments" else make_emoji(folder, emoji, seed)
    settings = settings_for(str(folder / PICTURES), labels="folders")
    wish = Wish(resolution=truth.resolution, features=FeatureLimit(features))
    report = inspect(settings, name, wish, lambda stage, done, total: None)
    return score(flags_of(report), truth, half)
