"""What a check means for training: how many pictures are left, how large, where to start from.

The recipes named here are those that are shipped (a test keeps it so).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gantool.inspection.classes import FEW
from gantool.inspection.report import Advice, Finding
from gantool.inspection.survey import Survey
from gantool.pages.text import counted

SIDES = (16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 1024)
"""Sides that every model can have: 4, 5, 6 or 7 doubled a few times."""
LARGE_ENOUGH = 0.95
"""The share of the pictures that must not be enlarged."""
LITTLE, PLENTY = 1_000, 10_000
"""Pictures below which a model mostly learns them by heart; and from which variety is no worry."""

_UNLABELLED, _LABELLED_GREY = "folder32", "quickstart"


def sensible_resolution(survey: Survey) -> int:
    """The largest side for which nearly all pictures are large enough."""
    side = np.minimum(survey.numbers["height"], survey.numbers["width"])
    if not len(side):
        return SIDES[0]
    least = float(np.quantile(side, 1 - LARGE_ENOUGH, method="lower"))
    return max((known for known in SIDES if known <= least), default=SIDES[0])


def advice(survey: Survey, findings: Sequence[Finding], usable: int, resolution: int) -> Advice:
    """Sentences for a person who is about to train."""
    lines = [*_amount(usable), *_size(survey, resolution), *_kinds(survey, findings), *_augmentation(usable, findings)]
    return Advice(usable, resolution, _recipe(survey), lines)


def _recipe(survey: Survey) -> str:
    grey = not survey.flags["colourful"].any()
    return _LABELLED_GREY if grey and len(survey.classes) > 1 else _UNLABELLED


def _amount(usable: int) -> Iterator[str]:
    pictures = counted(usable, "usable picture")
    if usable < FEW:
        yield f"{pictures}: too few to train from scratch; a GAN would only repeat them. Collect some hundreds more."
    elif usable < LITTLE:
        yield f"{pictures}: few. Expect pictures close to the training set, and stop early: watch the sample grids."
    elif usable < PLENTY:
        yield f"{pictures}: enough for one subject in one style."
    else:
        yield f"{pictures}: plenty."


def _size(survey: Survey, resolution: int) -> Iterator[str]:
    side = np.minimum(survey.numbers["height"], survey.numbers["width"])
    if not len(side):
        return
    small = int(np.count_nonzero(side < resolution))
    more = f"; {counted(small, 'picture')} would be enlarged" if small else ""
    yield f"{resolution}×{resolution} is the largest resolution that nearly all of them fill{more}."
    if resolution > 64:
        yield "Start at 64: a run takes a quarter of the time of 128, and shows the same faults of the data."


def _kinds(survey: Survey, findings: Sequence[Finding]) -> Iterator[str]:
    kinds = {finding.kind for finding in findings}
    if not survey.flags["colourful"].any() and len(survey.pictures):
        yield "There is no colour in them: --channels grey takes a third of the memory."
    if "aspect" in kinds:
        yield "Shapes differ: --fit crop cuts to the middle, --fit pad keeps all and adds borders."
    if "deep" in kinds:
        yield "Some are deeper than 8 bits: their common range becomes black to white; give it with --range MIN,MAX."
    if "imbalance" in kinds:
        yield "Classes are unequal: the small ones will look worse, and will be drawn as often as they are in the data."
    if not survey.classes and len(survey.pictures):
        yield "No classes: if there are kinds that you want to choose from, sort them into one folder each."


def _augmentation(usable: int, findings: Sequence[Finding]) -> Iterator[str]:
    if any(finding.kind == "mirrored_duplicates" for finding in findings):
        yield "Mirror images are in the set already: keep one of each, and augment: [{name: mirror}] makes the other."
    elif usable < PLENTY:
        yield "augment: [{name: mirror}] doubles them, unless left and right matter (letters, signs, organs)."
