"""``metrics.jsonl`` as it can be read: lines that are no lines are counted, not obeyed."""

from __future__ import annotations

import json
import math
import statistics
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from gantool import files
from gantool.report.thinning import Line, Thinned

_MOST_IMAGES = 1e15
_MOST_BYTES = 4_000_000_000
_MOST_LINE = 200_000
_HAPPENINGS = ("rollback", "warning", "inexact")
_KEPT_HAPPENINGS = 200
_KEPT_LETTERS = 2000


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
        logs: losses and rates, in order; the speed is among them as ``images_per_second``. Of long logs, what curves
            need (`Thinned`).
        evaluations: metrics, in order; the same.
        happenings: the first ones, in order.
        happened: how many happenings there were.
        images_seen: how far the records go.
        images_per_second: the median over all log lines: the pace of training between them, without evaluations.
        damaged: lines that could not be read.
        names_left_out: whether there were more names than are kept.
        seconds: time of computing, summed over the run's sessions.
        sessions: how often it was started or went on.
        fault: why the file could not be read at all; "" where it could.
    """

    logs: Sequence[Line] = ()
    evaluations: Sequence[Line] = ()
    happenings: Sequence[Happening] = ()
    happened: int = 0
    images_seen: int = 0
    images_per_second: float | None = None
    damaged: int = 0
    names_left_out: bool = False
    seconds: float = 0.0
    sessions: int = 0
    fault: str = ""


def read_records(path: Path) -> Records:
    """What can be read of the ``metrics.jsonl`` in ``path``, line by line. Raises nothing."""
    try:
        with files.open_regular(path, _MOST_BYTES) as stream:
            return _read(stream)
    except FileNotFoundError:
        return Records()
    except OSError as error:
        return Records(fault=str(error.strerror or error))


def _read(stream: BinaryIO) -> Records:
    kept = {"log": Thinned(), "evaluation": Thinned()}
    happenings: list[Happening] = []
    paces, clock, happened, damaged, furthest = array("d"), _Clock(), 0, 0, 0.0
    for text in _lines(stream):
        entry = _entry(text)
        if entry is None:
            damaged += 1
            continue
        images_seen, event = float(entry["images_seen"]), str(entry.get("event"))
        times = entry.get("clock")
        times = times if isinstance(times, dict) else {}
        if event in _HAPPENINGS:
            happened += 1
            if len(happenings) < _KEPT_HAPPENINGS:
                message = str(entry.get("message") or "")[:_KEPT_LETTERS]
                happenings.append(Happening(images_seen, event, message))
        if event in kept:
            furthest = max(furthest, images_seen)
            clock.add(number(times.get("time")), number(times.get("elapsed")))
            kept[event].add(images_seen, _values(entry, times, event))
        if event == "log" and (pace := number(times.get("images_per_second"))):
            paces.append(pace)
    logs, evaluations = kept.values()
    return Records(
        logs=logs.lines(),
        evaluations=evaluations.lines(),
        happenings=happenings,
        happened=happened,
        images_seen=int(furthest),
        images_per_second=statistics.median(paces) if paces else None,
        damaged=damaged,
        names_left_out=logs.names_left_out or evaluations.names_left_out,
        seconds=clock.seconds,
        sessions=clock.sessions,
    )


def number(value: object) -> float | None:
    """A finite number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Line by line; of one that is too long for ours, only its beginning, which is no JSON."""
    while text := stream.readline(_MOST_LINE):
        yield text
        while len(text) == _MOST_LINE and not text.endswith(b"\n"):
            text = stream.readline(_MOST_LINE)


def _entry(text: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict):
        return None
    images_seen = number(entry.get("images_seen"))
    return entry if images_seen is not None and 0 <= images_seen < _MOST_IMAGES else None


def _values(entry: Mapping[str, Any], times: Mapping[str, Any], event: str) -> Iterable[tuple[str, float | None]]:
    for key, value in entry.items():
        known = number(value)
        if key not in ("event", "images_seen", "clock") and (value is None or known is not None):
            yield key, known
    if event == "log":
        yield "images_per_second", number(times.get("images_per_second"))


class _Clock:
    """Seconds over all sessions, and how many there were.

    ``elapsed`` begins at 0 with every session: one is new where it falls, or where ``time − elapsed``, when the session
    began, is later than the line before.
    """

    def __init__(self) -> None:
        self.seconds, self.sessions = 0.0, 0
        self._before, self._when = 0.0, 0.0

    def add(self, time: float | None, elapsed: float | None) -> None:
        """The clock of the next line."""
        if elapsed is None or elapsed < 0:
            return
        began = None if time is None else time - elapsed
        if not self.sessions or elapsed < self._before or (began is not None and began > self._when):
            self.sessions += 1
            self._before = 0.0
        self.seconds += elapsed - self._before
        self._before, self._when = elapsed, time if time is not None else self._when
