"""``metrics.jsonl`` as it can be read: lines that are no lines are counted, not obeyed."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MOST_IMAGES = 1e15
_HAPPENINGS = ("rollback", "warning", "inexact")


@dataclass(frozen=True)
class Line:
    """One measurement: numbers, or None where there was none."""

    images_seen: float
    values: Mapping[str, float | None]


@dataclass(frozen=True)
class Happening:
    """Something that a person should know of: a rollback, a warning, an inexact resume."""

    images_seen: float
    kind: str
    message: str


@dataclass(frozen=True)
class Records:
    """What a run wrote down.

    Attributes:
        logs: losses and rates, in order; the speed is among them as ``images_per_second``.
        evaluations: metrics, in order.
        happenings: in order.
        damaged: lines that could not be read.
        seconds: time of computing, summed over the run's sessions.
        sessions: how often it was started or went on.
        fault: why the file could not be read at all; "" where it could.
    """

    logs: Sequence[Line] = ()
    evaluations: Sequence[Line] = ()
    happenings: Sequence[Happening] = ()
    damaged: int = 0
    seconds: float = 0.0
    sessions: int = 0
    fault: str = ""

    @property
    def images_seen(self) -> int:
        """How far the records go."""
        return int(max((line.images_seen for line in (*self.logs, *self.evaluations)), default=0))

    @property
    def images_per_second(self) -> float | None:
        """The median over the log lines: the pace of training between them, without evaluations."""
        known = [speed for line in self.logs if (speed := line.values.get("images_per_second"))]
        return statistics.median(known) if known else None


def read_records(path: Path) -> Records:
    """What can be read of the ``metrics.jsonl`` in ``path``. Raises nothing."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Records()
    except OSError as error:
        return Records(fault=str(error.strerror or error))
    logs: list[Line] = []
    evaluations: list[Line] = []
    happenings, clocks, damaged = [], [], 0
    for text in content.splitlines():
        entry = _entry(text)
        if entry is None:
            damaged += 1
            continue
        images_seen, event = float(entry["images_seen"]), str(entry.get("event"))
        clock = entry.get("clock")
        clock = clock if isinstance(clock, dict) else {}
        if event in _HAPPENINGS:
            happenings.append(Happening(images_seen, event, str(entry.get("message") or "")))
        if event in ("log", "evaluation"):
            clocks.append((number(clock.get("time")), number(clock.get("elapsed"))))
            (logs if event == "log" else evaluations).append(Line(images_seen, _values(entry, clock, event)))
    seconds, sessions = _computing(clocks)
    return Records(logs, evaluations, happenings, damaged, seconds, sessions)


def number(value: object) -> float | None:
    """A finite number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _entry(text: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict):
        return None
    images_seen = number(entry.get("images_seen"))
    return entry if images_seen is not None and 0 <= images_seen < _MOST_IMAGES else None


def _values(entry: Mapping[str, Any], clock: Mapping[str, Any], event: str) -> dict[str, float | None]:
    values = {
        key: number(value)
        for key, value in entry.items()
        if key not in ("event", "images_seen", "clock") and (value is None or number(value) is not None)
    }
    if event == "log":
        values["images_per_second"] = number(clock.get("images_per_second"))
    return values


def _computing(clocks: Sequence[tuple[float | None, float | None]]) -> tuple[float, int]:
    """Seconds over all sessions, and how many there were.

    ``elapsed`` begins at 0 with every session: one is new where it falls, or where ``time − elapsed``, when the session
    began, is later than the line before.
    """
    seconds, sessions, before, when = 0.0, 0, 0.0, 0.0
    for time, elapsed in clocks:
        if elapsed is None or elapsed < 0:
            continue
        began = None if time is None else time - elapsed
        if not sessions or elapsed < before or (began is not None and began > when):
            sessions += 1
            before = 0.0
        seconds += elapsed - before
        before, when = elapsed, time if time is not None else when
    return seconds, sessions
