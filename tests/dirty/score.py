"""How much of what was planted a report found, and which good pictures it flagged.

A copy is found when one group of a kind that fits holds it and its original. Every other fault is found when its
picture is in a finding of its kind. Only good pictures count as falsely flagged: a blank picture may rightly be dark
too. In a group a good picture is right when a picture of its own family (its original, its copies) is there with it;
what nature repeats with a difference counts as false, and the groups are listed for a person to look at.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from gantool.inspection.report import KINDS, Report
from tests.dirty.modes import MODES
from tests.dirty.soft import SOFT
from tests.dirty.truth import Planted, Truth

Halves = Literal["A", "B", "both"]

SET_KINDS = {"none", "few", "small_class", "imbalance", "mixed_sizes"}
"""They say something of the set or of a class, not of its single pictures."""
GROUPS_OF = {
    "exact_duplicates": ("exact_duplicates", "two_labels"),
    "two_labels": ("two_labels",),
    "near_duplicates": ("near_duplicates", "exact_duplicates", "two_labels"),
    # What is symmetrical is a duplicate of its mirror image anyway.
    "mirrored_duplicates": ("mirrored_duplicates", "near_duplicates", "exact_duplicates", "two_labels"),
}
"""Planted kind → the kinds of group that may hold the copy and its original."""
HARD = ("unreadable", "passed_over", "exact_duplicates", *MODES)
"""Every one is to be found; so are the copies under two labels that are equal in every pixel."""


@dataclass(frozen=True)
class Flag:
    """A finding by the names of its pictures."""

    kind: str
    names: frozenset[str]
    detail: str


@dataclass(frozen=True)
class Row:
    """One sort of planted fault."""

    kind: str
    variant: str
    """The way it was made; for soft kinds ``grade 2``."""
    grade: int | None
    planted: int
    missed: tuple[str, ...]

    @property
    def found(self) -> int:
        """How many were."""
        return self.planted - len(self.missed)

    @property
    def title(self) -> str:
        """Kind and variant."""
        return f"{self.kind}, {self.variant}"


@dataclass(frozen=True)
class Demand:
    """What the check promises, and whether it holds."""

    what: str
    wanted: float
    """Share; at least, or at most where `most`."""
    got: float
    of: int
    most: bool = False

    @property
    def met(self) -> bool:
        """Whether it holds."""
        return self.got <= self.wanted if self.most else self.got >= self.wanted


@dataclass(frozen=True)
class Score:
    """A report against the truth, over one half or both."""

    name: str
    half: Halves
    rows: Sequence[Row]
    good: int
    false: Mapping[str, Sequence[str]]
    """Kind → good pictures that it flags without right."""
    strange_groups: Sequence[tuple[str, Sequence[str]]] = field(default_factory=list)
    """(kind, names) of groups that join pictures of different families, some of them good."""

    @property
    def flagged(self) -> set[str]:
        """Good pictures with any false flag that is more than a note."""
        return {name for kind, names in self.false.items() if KINDS[kind].severity != "note" for name in names}

    @property
    def demands(self) -> list[Demand]:
        """What is asked of the check on sets like these."""
        rows = self.rows
        exact = [row for row in rows if row.kind == "two_labels" and not row.variant.startswith("recompressed")]
        demands = [_at_least(f"{kind}: all", 1.0, [row for row in rows if row.kind == kind]) for kind in HARD]
        demands.append(_at_least("two_labels, equal pixels: all", 1.0, exact))
        demands.append(_at_least("near_duplicates", 0.95, [row for row in rows if row.kind == "near_duplicates"]))
        stronger = [row for row in rows if row.grade in (2, 3)]
        for kind in SOFT:
            demands.append(_at_least(f"{kind}, grades 2 and 3", 0.9, [row for row in stronger if row.kind == kind]))
        flagged = len(self.flagged) / max(1, self.good)
        demands.append(Demand("good pictures flagged", 0.03, flagged, self.good, most=True))
        return [demand for demand in demands if demand.of]

    @property
    def meets_all(self) -> bool:
        """Whether every demand holds."""
        return all(demand.met for demand in self.demands)


def flags_of_json(path: Path) -> list[Flag]:
    """The findings of a report that was written as JSON.

    Raises:
        ValueError: for a file of another format.
    """
    told = json.loads(path.read_text(encoding="utf-8"))
    if told.get("format") != 1:
        raise ValueError(f"{path}: not a report of format 1")
    return [Flag(one["kind"], frozenset(one["names"]), one["detail"]) for one in told["findings"]]


def flags_of(report: Report) -> list[Flag]:
    """The findings of a report."""
    return [
        Flag(one.kind, frozenset(report.names[index] for index in one.pictures), one.detail) for one in report.findings
    ]


def score(flags: Sequence[Flag], truth: Truth, half: Halves = "both") -> Score:
    """Compare.

    Args:
        flags: of `flags_of` or `flags_of_json`.
        truth: of the same set.
        half: which of its pictures count.
    """
    of_name: dict[str, list[Flag]] = defaultdict(list)
    for flag in flags:
        for name in flag.names:
            of_name[name].append(flag)
    family_of = {one.name: one.of for one in truth.planted if one.of is not None}
    family_of.update({one.name: one.name for one in truth.good})
    good = {one.name for one in truth.good if half in ("both", one.half)}
    false: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for one in truth.good:
        if one.name in good:
            for kind in _false_kinds(one.name, of_name[one.name], family_of):
                if kind not in one.facts:
                    false[kind].append(one.name)
    return Score(
        truth.name,
        half,
        list(_rows([one for one in truth.planted if half in ("both", one.half)], flags, of_name)),
        len(good),
        {kind: names for kind, names in false.items() if names},
        [
            (flag.kind, sorted(flag.names))
            for flag in flags
            if KINDS[flag.kind].grouped
            and flag.names & good
            and len({family_of.get(name, name) for name in flag.names}) > 1
        ],
    )


def _false_kinds(name: str, flags: Iterable[Flag], family_of: Mapping[str, str]) -> set[str]:
    """Kinds that flag the good picture ``name`` without right."""
    kinds = set()
    for flag in flags:
        with_family = KINDS[flag.kind].grouped and any(
            other != name and family_of.get(other) == name for other in flag.names
        )
        if flag.kind not in SET_KINDS and not with_family:
            kinds.add(flag.kind)
    return kinds


def _rows(planted: Iterable[Planted], flags: Sequence[Flag], of_name: Mapping[str, Sequence[Flag]]) -> Iterator[Row]:
    sorts: dict[tuple[str, str, int | None], list[Planted]] = defaultdict(list)
    for one in planted:
        sorts[one.kind, f"grade {one.grade}" if one.grade else one.variant, one.grade].append(one)
    for (kind, variant, grade), members in sorts.items():
        missed = tuple(one.name for one in members if not _is_found(one, flags, of_name))
        yield Row(kind, variant, grade, len(members), missed)


def _is_found(one: Planted, flags: Sequence[Flag], of_name: Mapping[str, Sequence[Flag]]) -> bool:
    mine = of_name.get(one.name, ())
    if one.of is not None:
        return any(flag.kind in GROUPS_OF[one.kind] and one.of in flag.names for flag in mine)
    if one.kind == "passed_over":  # it is no picture of the source, so a finding can only name it in words
        return any(flag.kind == "passed_over" and _names(flag, one.name) for flag in flags)
    return any(flag.kind == one.kind for flag in mine)


def _names(flag: Flag, name: str) -> bool:
    return name in flag.names or name in flag.detail


def _at_least(what: str, wanted: float, rows: Iterable[Row]) -> Demand:
    rows = list(rows)
    planted = sum(row.planted for row in rows)
    return Demand(what, wanted, sum(row.found for row in rows) / max(1, planted), planted)
