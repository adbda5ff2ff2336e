"""Which cards can be compared, and what the comparison says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gantool.comparison.entries import Entry, evaluate_command, prepared_set, read_entries
from gantool.errors import UsageError
from gantool.evaluation.card import Spread, Value
from gantool.evaluation.card import differences as card_differences
from gantool.pages.text import visible
from gantool.report.cards import floor_of
from gantool.report.settings import Difference, differences, settings_of
from gantool.version import __version__

FORMAT = 1


@dataclass(frozen=True)
class Row:
    """One metric of all entries.

    Attributes:
        values: one for each entry; None for one without this metric.
        floor: between halves of real pictures, else between training and hold-out pictures.
        best: the entry that is better than every other by more than both deviations; None where none is.
    """

    name: str
    title: str
    better: str
    values: Sequence[Value | None]
    floor: Spread | None
    best: int | None


@dataclass(frozen=True)
class Comparison:
    """What came out.

    Attributes:
        entries: the columns.
        rows: a metric each, in the order of the first card.
        config: keys in which the configs of the runs differ; a value for each entry, "–" for one without a config.
        notes: a sentence each: what stands beside itself.
    """

    entries: Sequence[Entry]
    rows: Sequence[Row]
    config: Sequence[Difference]
    notes: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        card = self.entries[0].card
        return {
            "format": FORMAT,
            "kind": "comparison",
            "tool": "gantool",
            "version": __version__,
            "features": card.features.model_dump(),
            "reference": card.reference.model_dump(),
            "samples": card.samples,
            "subjects": [{"name": one.name, **one.card.subject.model_dump(exclude={"name"})} for one in self.entries],
            "metrics": [_row(row) for row in self.rows],
            "config": [{"key": one.key, "values": list(one.values)} for one in self.config],
            "notes": list(self.notes),
        }

    def to_json(self) -> str:
        """The same as text."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n"


def compare(paths: Sequence[Path | str], *, features: str | None = None, split: str | None = None) -> Comparison:
    """Put runs, or metric cards, side by side.

    Args:
        paths: a run folder or the JSON of a metric card each.
        features: which card of a run, where it has several; by default one that all have.
        split: the same, by the reference pictures: ``holdout`` or ``train``.

    Raises:
        UsageError: for cards that cannot be compared, with every reason and the command that makes one that can.
        DataError: for a card that is damaged.
    """
    entries = read_entries([Path(path) for path in paths], features, split)
    require_comparable(entries)
    names = dict.fromkeys(value.name for entry in entries for value in entry.card.values)
    return Comparison(entries, [_compared(name, entries) for name in names], _config(entries), _notes(entries))


def require_comparable(entries: Sequence[Entry]) -> None:
    """All cards were measured in the same way.

    Raises:
        UsageError: with every reason why not, and what to do.
    """
    first, lines = entries[0], list[str]()
    for other in entries[1:]:
        reasons = [f"  {visible(reason)}" for reason in card_differences(first.card, other.card)]
        if not reasons:
            continue
        lines += [f"{first.name} and {other.name} cannot be compared, they were measured differently:", *reasons]
        foreign = first.card.reference.fingerprint != other.card.reference.fingerprint
        command = evaluate_command(other, first.card, prepared_set(first) if foreign else "")
        lines.append(f"  measure {other.name} in the same way: {command}")
    if lines:
        raise UsageError("\n".join(lines))


def _notes(entries: Sequence[Entry]) -> list[str]:
    """Of every entry that was there before, who that was."""
    found = []
    for place, entry in enumerate(entries):
        twin = next((other for other in entries[:place] if _same_file(other, entry)), None)
        if twin is not None:
            found.append(f"{entry.name} stands beside itself: it was given more than once.")
            continue
        twin = next((other for other in entries[:place] if _same_subject(other, entry)), None)
        if twin is not None:
            found.append(f"{twin.name} and {entry.name} are the same checkpoint: what differs is chance.")
    return list(dict.fromkeys(found))


def _same_file(one: Entry, other: Entry) -> bool:
    return one.path.resolve() == other.path.resolve()


def _same_subject(one: Entry, other: Entry) -> bool:
    """The same checkpoint with the same weights of it; cards of other features or pictures are not compared at all."""
    first, second = one.card.subject, other.card.subject
    return first.digest is not None and (first.digest, first.weights) == (second.digest, second.weights)


def best_of(values: Sequence[Value | None]) -> int | None:
    """The one that is better than every other by more than its own and the other's deviation; None for none."""
    known = [(index, value.mean, value) for index, value in enumerate(values) if value and value.mean is not None]
    if len(known) < 2 or any(value.deviation is None for _, _, value in known):
        return None
    sign = 1.0 if known[0][2].better == "higher" else -1.0
    index, mean, best = max(known, key=lambda one: sign * one[1])
    clear = all(
        sign * (mean - other) > max(best.deviation or 0.0, value.deviation or 0.0)
        for place, other, value in known
        if place != index
    )
    return index if clear else None


def _compared(name: str, entries: Sequence[Entry]) -> Row:
    values = [next((value for value in entry.card.values if value.name == name), None) for entry in entries]
    known = [value for value in values if value is not None]
    floor = next((found for value in known if (found := floor_of(value))), None)
    alike = len({value.better for value in known}) == 1
    return Row(name, visible(known[0].title), known[0].better, values, floor, best_of(values) if alike else None)


def _config(entries: Sequence[Entry]) -> list[Difference]:
    configs = [settings_of(entry.run).config if entry.run else None for entry in entries]
    known = [config.to_dict() for config in configs if config is not None]
    found = []
    for one in differences(*known) if len(known) > 1 else []:
        values = iter(one.values)
        found.append(Difference(one.key, tuple(next(values) if config is not None else "–" for config in configs)))
    return found


def _row(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "title": row.title,
        "better": row.better,
        "values": [value and {"mean": value.mean, "deviation": value.deviation} for value in row.values],
        "floor": row.floor and row.floor.model_dump(),
        "best": row.best,
    }
