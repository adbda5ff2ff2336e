"""All that a run folder holds for its report; what is missing or damaged is told, and ends nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from gantool import files
from gantool.errors import DataError
from gantool.evaluation.card import Card
from gantool.pages.pictures import Inlined, inlined
from gantool.report.cards import Audit, read_audit, read_card
from gantool.report.cost import Cost, cost
from gantool.report.dataset import DataSummary, data_summary
from gantool.report.records import Records, read_records
from gantool.report.settings import Settings, settings_of
from gantool.report.thinning import MOST_NAMES
from gantool.report.timeline import Timeline, timeline
from gantool.rundir import RunFolder, images_seen_of

PREFERRED = "holdout-efficientnet_lite0"
"""The card that speaks for a run, where it has several."""

_EVIDENCE_BYTES = 1_500_000
_MOST_CARDS = 12
_INFO_BYTES = 4_000_000

_Kind = TypeVar("_Kind", Card, Audit)


@dataclass(frozen=True)
class Gathered:
    """What a report tells.

    Attributes:
        run: the folder.
        info: ``run.json``; empty where it cannot be read.
        faults: pieces that are damaged or too new, a line each.
        cards: file name without suffix → card, the one that speaks for the run first.
        evidence: of the audit, check's name → its picture.
    """

    run: RunFolder
    info: Mapping[str, Any]
    settings: Settings
    timeline: Timeline
    records: Records
    cards: Mapping[str, Card]
    audit: Audit | None
    evidence: Mapping[str, Inlined]
    data: DataSummary
    cost: Cost
    faults: Sequence[str]

    @property
    def name(self) -> str:
        """What the run is called: its folder's name."""
        return self.run.path.resolve().name

    @property
    def images_seen(self) -> int:
        """How far it got, by its records, checkpoints and grids."""
        checkpoints = [images_seen_of(path) for path in self.run.checkpoints()]
        frames = [frame.images_seen for frame in self.timeline.frames]
        return max([self.records.images_seen, *checkpoints, *frames])


def gather(run: RunFolder, watts: float | None = None) -> Gathered:
    """Read a run. ``watts``: what its machine draws, where somebody knows."""
    faults: list[str] = []
    info = _info(run, faults)
    settings = settings_of(run)
    if settings.fault:
        faults.append(f"The config cannot be read: {settings.fault}")
    records = read_records(run.metrics)
    if records.fault:
        faults.append(f"metrics.jsonl cannot be read: {records.fault}")
    if records.damaged:
        lines = "1 line is" if records.damaged == 1 else f"{records.damaged:,} lines are"
        faults.append(f"metrics.jsonl: {lines} damaged and left out")
    if records.names_left_out:
        faults.append(f"metrics.jsonl: it holds more than {MOST_NAMES} curves; the others are not shown")
    shown = timeline(run)
    faults += shown.faults
    audit, evidence = _audit(run, faults)
    environment = info.get("environment")
    return Gathered(
        run=run,
        info=info,
        settings=settings,
        timeline=shown,
        records=records,
        cards=read_cards(run, faults),
        audit=audit,
        evidence=evidence,
        data=data_summary(run, info, settings.config),
        cost=cost(records, environment if isinstance(environment, dict) else {}, watts),
        faults=faults,
    )


def read_cards(run: RunFolder, faults: list[str]) -> dict[str, Card]:
    """The metric cards of a run by their files' names, the preferred one first; a fault of a file is added."""
    paths = sorted((run.path / "evaluations").glob("*.json"), key=lambda path: (path.stem != PREFERRED, path.stem))
    for path in paths[_MOST_CARDS:]:
        faults.append(f"{path.name}: not shown; the report shows {_MOST_CARDS} metric cards")
    found = {path.stem: _readable(path, read_card, faults) for path in paths[:_MOST_CARDS]}
    return {name: card for name, card in found.items() if card is not None}


def _readable(path: Path, read: Any, faults: list[str]) -> Any:
    try:
        return read(path)
    except DataError as error:
        faults.append(str(error).replace(f"{path.parent.parent}/", ""))
        return None


def read_info(run: RunFolder) -> Mapping[str, Any]:
    """``run.json``.

    Raises:
        OSError, ValueError, RecursionError: when it is missing, cannot be read, or holds something else.
    """
    info = json.loads(files.read_regular(run.info, _INFO_BYTES))
    if not isinstance(info, dict):
        raise ValueError("no mapping")  # noqa: TRY004 - a fault of the file, not of the caller
    return info


def _info(run: RunFolder, faults: list[str]) -> Mapping[str, Any]:
    try:
        return read_info(run)
    except FileNotFoundError:
        reason = "is missing"
    except OSError as error:
        reason = f"cannot be read ({error.strerror or error})"
    except (ValueError, RecursionError):
        reason = "is damaged"
    faults.append(f"run.json {reason}: environment and data set are not known")
    return {}


def _audit(run: RunFolder, faults: list[str]) -> tuple[Audit | None, dict[str, Inlined]]:
    path = run.path / "audit" / "audit.json"
    if not path.exists():
        return None, {}
    audit = _readable(path, read_audit, faults)
    if audit is None:
        return None, {}
    wanted = {}
    for check in audit.checks:
        if check.picture is None:
            continue
        if Path(check.picture).name != check.picture or "\0" in check.picture or "\\" in check.picture:
            faults.append(f"audit/audit.json: the picture of {check.title} is not beside it: {check.picture}")
            continue
        wanted[check.name] = path.parent / check.picture
    pictures, unreadable = inlined(list(wanted.values()), most_bytes=_EVIDENCE_BYTES)
    faults += [f"audit/{file.name}: {reason}" for file, reason in unreadable.items()]
    return audit, {name: picture for name, picture in zip(wanted, pictures, strict=True) if picture is not None}
