"""Findings about pictures that are the same picture: exact and near duplicates, two labels, both sides of a split."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from gantool.data.duplicates import CROPS_UP_TO, mirror_pairs, near_duplicates
from gantool.inspection.report import Finding
from gantool.inspection.survey import Survey


def alike_groups(survey: Survey) -> list[list[int]]:
    """Groups of rows that show the same picture, exact duplicates included."""
    sizes = np.stack([survey.numbers["height"], survey.numbers["width"]], axis=1)
    return near_duplicates(survey.prints, sizes.astype(np.int64), survey.windows)


def looks_for_crops(survey: Survey) -> bool:
    """Whether the set is small enough to look for slight crops too."""
    return len(survey.pictures) <= CROPS_UP_TO


def copies(survey: Survey, groups: Sequence[Sequence[int]], faulty: Collection[int]) -> Iterator[Finding]:
    """What the groups mean. A pair of pictures is reported in one kind: the worst that holds for its group.

    Args:
        survey: all pictures.
        groups: of `alike_groups`.
        faulty: pictures that are left out for another reason: of a group they are the last to be kept.
    """
    for exact in _by_digest(survey):
        if len(_labels(survey, exact)) == 1:
            yield _finding(survey, "exact_duplicates", exact, faulty, f"{len(exact)} equal pictures")
    for group in groups:
        labels = _labels(survey, group)
        if len(labels) > 1:
            names = ", ".join(survey.classes[label] for label in sorted(labels))
            yield _finding(survey, "two_labels", group, faulty, f"under {names}")
            continue
        distinct = _distinct(survey, group)
        if len(distinct) > 1:
            yield _finding(survey, "near_duplicates", distinct, faulty, f"{len(distinct)} versions of one picture")
    for group in groups:
        held = {bool(survey.tests[survey.pictures[row]]) for row in group}
        if len(held) > 1:
            yield _finding(survey, "leakage", group, faulty, "in training and in the hold-out")


def mirrored(survey: Survey) -> Iterator[Finding]:
    """Pairs of pictures that are each other's mirror image."""
    for pair in mirror_pairs(survey.prints):
        yield _finding(survey, "mirrored_duplicates", pair, (), "mirror images of each other")


def _finding(survey: Survey, kind: str, rows: Sequence[int], faulty: Collection[int], detail: str) -> Finding:
    """A group of rows, the one to keep first: one with no other fault, with the most pixels, then the first."""
    area = survey.numbers["height"] * survey.numbers["width"]
    ordered = sorted(rows, key=lambda row: (int(survey.pictures[row]) in faulty, -float(area[row]), row))
    return Finding(kind, tuple(int(survey.pictures[row]) for row in ordered), detail, float(len(rows)))


def _labels(survey: Survey, rows: Sequence[int]) -> set[int]:
    """The classes of some rows; those without one do not count."""
    labels = {int(survey.labels[survey.pictures[row]]) for row in rows}
    return labels if labels == {-1} else labels - {-1}


def _by_digest(survey: Survey) -> list[list[int]]:
    """Groups of rows with equal pixels."""
    found: dict[bytes, list[int]] = {}
    for row, digest in enumerate(survey.digests):
        found.setdefault(digest, []).append(row)
    return [rows for rows in found.values() if len(rows) > 1]


def _distinct(survey: Survey, rows: Sequence[int]) -> list[int]:
    """The first row of each picture's pixels."""
    firsts: dict[bytes, int] = {}
    for row in rows:
        firsts.setdefault(survey.digests[row], row)
    return list(firsts.values())
