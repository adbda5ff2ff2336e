"""The check itself: read every picture once, find what is wrong, say what it means."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from gantool.data import exclusions
from gantool.data.base import DataSettings, Source
from gantool.data.sources.part import Part
from gantool.data.sources.prepared import PreparedSource
from gantool.data.workers import require_workers
from gantool.errors import DataError
from gantool.inspection import advice, classes, copies, single
from gantool.inspection.overview import left_out
from gantool.inspection.report import KINDS, Finding, Report
from gantool.inspection.strangers import EVERYTHING, FeatureLimit, strange
from gantool.inspection.survey import Progress, Survey, survey


@dataclass(frozen=True)
class Wish:
    """What to look for."""

    resolution: int | None = None
    """The side that is wanted; None takes the largest that nearly all pictures fill."""
    mirrored: bool = False
    """Whether to look for mirror images too."""
    features: FeatureLimit = EVERYTHING
    """Whether, and of how many pictures, to look at features: it takes the longest."""
    workers: int | None = None
    spelled: tuple[str, ...] = ()
    """Words of the command that decide what is read: they are repeated in the commands that are proposed."""


def inspect(
    settings: DataSettings,
    source_name: str,
    wish: Wish,
    progress: Progress,
    ready: Callable[[Report, Source], None] | None = None,
) -> Report:
    """Check the pictures of a source.

    Args:
        settings: where they are.
        source_name: as the person named it.
        wish: what to look for.
        progress: called every few pictures.
        ready: called at the end with the report and its source, still open: to take thumbnails from it.

    Raises:
        DataError: when there are no pictures at all.
        UsageError: for too many ``workers``.
    """
    require_workers(wish.workers)
    with contextlib.closing(_without_excluded(_whole(settings), settings)) as source:
        if not source.items:
            raise DataError(f"{source_name}: no pictures in it")
        seen = survey(source, workers=wish.workers, progress=progress)
        report = _report(seen, source, source_name, wish, progress)
        if ready is not None:
            ready(report, source)
    return report


def _whole(settings: DataSettings) -> Source:
    """The source with its makers' test split, where it has one: what stands on both sides can only be seen so."""
    if settings.official_split and settings.holdout != "official":
        whole = settings.model_copy(update={"holdout": "official"})
        with contextlib.suppress(DataError):
            source = whole.open()
            if any(item.official_test for item in source.items):
                return source
            source.close()
    return settings.open()


def _without_excluded(source: Source, settings: DataSettings) -> Source:
    """The source without the pictures that its settings leave out."""
    if not settings.exclude:
        return source
    names = exclusions.read(Path(settings.exclude).expanduser())
    return Part(source, [number for number, item in enumerate(source.items) if item.name not in names])


def _report(seen: Survey, source: Source, source_name: str, wish: Wish, progress: Progress) -> Report:
    sensible = advice.sensible_resolution(seen)
    resolution = wish.resolution or sensible
    progress("compare", 0, len(seen.pictures))
    groups = copies.alike_groups(seen)
    findings = [*single.unreadable(seen), *single.looks(seen, resolution), *single.storage(seen)]
    findings += copies.copies(seen, groups, _left_out(findings))
    if wish.mirrored:
        findings += copies.mirrored(seen)
    progress("compare", len(seen.pictures), len(seen.pictures))
    looked_at, strangers = strange(seen, source, groups, findings, wish.features, wish.workers, progress)
    findings += strangers
    facts = classes.facts(seen)
    usable = len(seen.pictures) - len(_left_out(findings) - set(seen.faults))
    findings += [*classes.class_findings(facts.class_counts), *classes.set_findings(seen, usable)]
    order = list(KINDS)
    findings.sort(key=lambda finding: (order.index(finding.kind), -finding.score))
    return Report(
        source=source_name,
        names=seen.names,
        labels=seen.label_names(),
        findings=findings,
        facts=facts,
        advice=advice.advice(seen, findings, usable, sensible),
        options={
            "resolution": resolution,
            "mirrored": wish.mirrored,
            "crops": copies.looks_for_crops(seen),
            "features": looked_at,
        },
        prepared=isinstance(source, PreparedSource),
        spelled=wish.spelled,
    )


def _left_out(findings: Iterable[Finding]) -> set[int]:
    return {picture for finding in findings for picture in left_out(finding)}
