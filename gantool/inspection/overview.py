"""What the terminal, the page and the JSON say alike: the kinds that were found, the verdict, what to leave out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from gantool.inspection.report import KINDS, SEVERITIES, Facts, Finding, Kind, Report, Severity
from gantool.pages.text import counted, visible

Judgement = Literal["stop", "poison", "look", "fine"]

MEANING: dict[Severity, str] = {
    "stop": "would stop training",
    "poison": "would poison training",
    "look": "worth a look",
    "note": "note",
}
"""What a severity is called."""

_NAMED = 3


class Section(NamedTuple):
    """All findings of one kind."""

    key: str
    kind: Kind
    findings: Sequence[Finding]
    pictures: int
    """As `Report.pictures_of` counts them; 0 for findings about the set or its classes."""


class Verdict(NamedTuple):
    """What a check comes to."""

    judgement: Judgement
    sentence: str


def sections(report: Report) -> list[Section]:
    """The kinds that were found: worst severity first, then in the order of `KINDS`."""
    found: dict[str, list[Finding]] = {}
    for finding in report.findings:
        found.setdefault(finding.kind, []).append(finding)
    order = list(KINDS)
    ranked = sorted(found, key=lambda key: (SEVERITIES.index(KINDS[key].severity), order.index(key)))
    return [Section(key, KINDS[key], found[key], report.pictures_of(key)) for key in ranked]


def verdict(report: Report) -> Verdict:
    """The worst that was found, in one sentence."""
    found = sections(report)
    by_severity = {severity: [part for part in found if part.kind.severity == severity] for severity in SEVERITIES}
    stops, poisons = by_severity["stop"], by_severity["poison"]
    if stops:
        also = f"; {counted(len(poisons), 'more kind')} of fault would poison it" if poisons else ""
        return Verdict("stop", f"Training would stop: {_things(stops)}{also}.")
    if poisons:
        return Verdict("poison", f"Training would be poisoned: {_things(poisons)}.")
    if by_severity["look"]:
        return Verdict("look", f"Nothing would stop or poison training; worth a look: {_things(by_severity['look'])}.")
    return Verdict("fine", "Fine: nothing was found that would harm training.")


def excluded(report: Report) -> list[int]:
    """Indices of the pictures that ``--exclude-to`` leaves out, ascending: of a group all but the first."""
    return sorted({picture for finding in report.findings for picture in left_out(finding)})


def left_out(finding: Finding) -> tuple[int, ...]:
    """The pictures of one finding that ``--exclude-to`` leaves out."""
    kind = KINDS[finding.kind]
    if not kind.excluded:
        return ()
    return finding.pictures[1:] if kind.grouped else finding.pictures


def fact_rows(facts: Facts) -> list[tuple[str, str]]:
    """What the set is like, but for its classes: a word and what there is to say."""
    readable = f", of which {facts.readable:,} can be read" if facts.readable != facts.total else ""
    rows = [("pictures", f"{facts.total:,}{readable}")]
    if facts.formats:
        rows.append(("formats", _counts(facts.formats)))
    if facts.modes:
        rows.append(("modes", _counts(facts.modes)))
    if facts.readable:
        rows.append(("sizes", _sizes(facts)))
    if facts.captions:
        rows.append(("captions", f"{facts.captions:,}"))
    return rows


def option_words(options: Mapping[str, object]) -> list[str]:
    """What was asked for, each in a few words: ``resolution 64``, ``no mirrored``."""
    return [_option(visible(name.replace("_", " ")), value) for name, value in options.items()]


def ranked(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Names that can be shown, with their counts, the largest first."""
    return sorted(((visible(name), number) for name, number in counts.items()), key=lambda pair: (-pair[1], pair[0]))


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in ranked(counts))


def _sizes(facts: Facts) -> str:
    if facts.smallest == facts.largest:
        return f"all {_pixels(facts.median)} pixels"
    ends = f"{_pixels(facts.smallest)} to {_pixels(facts.largest)}"
    return f"{ends}, median {_pixels(facts.median)} (width×height)"


def _pixels(size: tuple[int, int]) -> str:
    height, width = size
    return f"{width}×{height}"


def _option(name: str, value: object) -> str:
    if isinstance(value, bool):
        return name if value else f"no {name}"
    return f"{name} {visible(str(value))}"


def _things(parts: Sequence[Section]) -> str:
    """The first kinds with their counts: ``exact duplicates (20), blurred (3) and 2 more kinds``."""
    named = [f"{part.kind.title} ({part.pictures:,})" if part.pictures else part.kind.title for part in parts[:_NAMED]]
    more = len(parts) - len(named)
    return ", ".join(named) + (f" and {counted(more, 'more kind')}" if more else "")
