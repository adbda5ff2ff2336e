"""What is compared: a run with one of its metric cards, or a card alone."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from gantool.errors import UsageError
from gantool.evaluation.card import Card
from gantool.pages.text import visible
from gantool.report.cards import NewerFormat, read_card
from gantool.report.gathering import PREFERRED, read_cards, read_info
from gantool.rundir import RunFolder

_MOST = 12

Key = tuple[str, str]
"""Split and features: what a run has one card of."""


class Entry(NamedTuple):
    """One column of the comparison."""

    name: str
    path: Path
    card: Card
    run: RunFolder | None
    """Where the card is a run's; None for a card alone."""


def read_entries(paths: Sequence[Path], features: str | None = None, split: str | None = None) -> list[Entry]:
    """A card for each path: of runs with several, the one of a kind that all have.

    Raises:
        UsageError: for fewer than two paths, a run without a card, cards of no common kind, or a newer format.
        DataError: for a card that is damaged.
    """
    if not 2 <= len(paths) <= _MOST:
        raise UsageError(f"compare takes 2 to {_MOST} runs or metric cards")
    offered = [_offered(path) for path in paths]
    key = _common(paths, offered, features, split)
    names = _names(paths)
    return [Entry(name, path, cards[key], _run(path)) for name, path, cards in zip(names, paths, offered, strict=True)]


def key_of(card: Card) -> Key:
    """What kind of card this is."""
    return card.reference.split, card.features.name


def evaluate_command(entry: Entry, card: Card, data: str = "") -> str:
    """The command that measures ``entry`` as ``card`` was measured; ``data`` is the set to measure against, where it
    is not the entry's own."""
    split, features = (shlex.quote(visible(word)) for word in key_of(card))
    run = shlex.quote(visible(str(entry.run.path))) if entry.run else "RUN"
    against = f" --data {data}" if data else ""
    return (
        f"gantool evaluate --checkpoint {run}{against} --split {split} --features {features} --samples {card.samples}"
    )


def prepared_set(entry: Entry) -> str:
    """The folder of the real pictures of an entry, as a command names it."""
    try:
        known = read_info(entry.run).get("prepared") if entry.run else None
    except (OSError, ValueError, RecursionError):
        known = None
    return shlex.quote(visible(known)) if isinstance(known, str) else "DIR"


def _offered(path: Path) -> Mapping[Key, Card]:
    shown = visible(str(path))
    if not path.exists():
        raise UsageError(f"{shown}: no such run folder or metric card")
    if path.is_file():
        try:
            card = read_card(path)
        except NewerFormat as error:
            raise UsageError(f"{error}; cards of different formats cannot be compared") from error
        return {key_of(card): card}
    faults: list[str] = []
    found = {key_of(card): card for card in read_cards(RunFolder(path), faults).values()}
    if not found:
        hint = f" ({'; '.join(visible(fault) for fault in faults)})" if faults else ""
        command = f"gantool evaluate --checkpoint {shlex.quote(shown)}"
        raise UsageError(f"{shown}: no metric card{hint}; make one: {command}")
    return found


def _common(
    paths: Sequence[Path], offered: Sequence[Mapping[Key, Card]], features: str | None, split: str | None
) -> Key:
    """The kind of card that all have, by preference: hold-out pictures, the default features."""
    common = [
        key
        for key in offered[0]
        if all(key in cards for cards in offered) and features in (None, key[1]) and split in (None, key[0])
    ]
    if common:
        return min(common, key=lambda key: ("-".join(key) != PREFERRED, key[0] != "holdout", key))
    asked = " ".join(word for word in (split and f"--split {split}", features and f"--features {features}") if word)
    lines = [f"no metric card that all have{f' for {visible(asked)}' if asked else ''}:"]
    for path, cards in zip(paths, offered, strict=True):
        lines.append(f"  {visible(str(path))} has {', '.join(visible('-'.join(key)) for key in sorted(cards))}")
    lines.append("make it: gantool evaluate --checkpoint RUN --split SPLIT --features NAME")
    raise UsageError("\n".join(lines))


def _run(path: Path) -> RunFolder | None:
    """The run that a path is, or that a card lies in."""
    folder = path if path.is_dir() else path.resolve().parent.parent
    run = RunFolder(folder)
    inside = path.is_dir() or path.resolve().parent.name == "evaluations"
    return run if inside and run.exists() else None


def _names(paths: Sequence[Path]) -> list[str]:
    """What the columns are called: folders' and files' names where they differ, else whole paths."""
    short = [visible(path.resolve().name if path.is_dir() else path.stem) for path in paths]
    return short if len(set(short)) == len(short) else [visible(str(path)) for path in paths]
