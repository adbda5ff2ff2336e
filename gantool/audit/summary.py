"""An audit in the terminal: the verdict, every check with its evidence, and what to do about a failure."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gantool.audit.serial import Audit, Check, ClassRow, Number

ADVICE = {
    "memorisation": "Share neither the model nor its pictures as they are. Look at the sheet: a training picture that "
    "is there many times is learned first (gantool data prepare --deduplicate). Train with more pictures, with "
    "augmentation or a penalty (r1), or for less long.",
    "membership": "Do not share the checkpoint; export the generator alone (gantool export). Against overfitting: "
    "more pictures, augmentation, a penalty (r1), an earlier checkpoint.",
    "balance": "Look at the classes in the table. Train longer, with model.conditioning class, or with more pictures "
    "of those that are missing; a collapsed generator needs an earlier checkpoint or other settings.",
    "duplicates": "The generator draws few different pictures. Take an earlier checkpoint, or train with a penalty "
    "(r1) or another loss; a small latent_dim makes it worse.",
}

_STYLES = {"pass": "bold green", "fail": "bold red", "skipped": "bold yellow"}
_CLASSES = 20
_PLAINER = str.maketrans({"×": "x", "…": "~", "’": "'", "–": "-"})


def sentence(audit: Audit) -> str:
    """The verdict in one line."""
    failed = [check.title.lower() for check in audit.checks if check.verdict == "fail"]
    skipped = sum(check.verdict == "skipped" for check in audit.checks)
    if failed:
        return f"The audit failed: {', '.join(failed)}."
    doubts = [check.title.lower() for check in audit.checks if check.unsure]
    if doubts:
        return f"The audit has not passed, for it cannot be sure: {', '.join(doubts)}."
    if not audit.passed:
        return "Nothing could be checked, so this is no pass."
    return f"The audit passed{f', {skipped} of {len(audit.checks)} checks skipped' if skipped else ''}."


def show(audit: Audit, console: Console) -> None:
    """Print all of it."""
    _Summary(console).show(audit)


class _Summary:
    def __init__(self, console: Console) -> None:
        self._console = console

    def show(self, audit: Audit) -> None:
        seen = audit.subject.images_seen
        self._line(f"{audit.subject.name}{'' if seen is None else f' after {seen:,} images'}", "bold")
        self._line(
            f"{audit.samples:,} generated pictures, seed {audit.seed}, against "
            f"{_searched(audit.dataset.train_searched, audit.dataset.train)} training and "
            f"{_searched(audit.dataset.holdout_searched, audit.dataset.holdout)} held-out pictures "
            f"(set {audit.dataset.fingerprint[:12]}), features "
            f"{audit.features.name}"
        )
        for check in audit.checks:
            self._line()
            self._check(check)
        self._line()
        self._line(sentence(audit), _STYLES["pass" if audit.passed else "fail"])

    def _check(self, check: Check) -> None:
        verdict = self._text(f"{check.verdict.upper():8}", _STYLES[check.verdict])
        self._console.print(verdict + self._text(check.title, "bold"))
        self._line(check.reason)
        if check.numbers:
            self._console.print(self._numbers(check.numbers))
        if check.classes is not None:
            self._console.print(self._classes(check.classes))
        if check.verdict == "fail":
            self._line(f"What to do: {ADVICE[check.name]}")

    def _numbers(self, numbers: Sequence[Number]) -> Table:
        table = _columns("", "value", "real pictures", "limit")
        for number in numbers:
            cells = (_shown(value, number.unit) for value in (number.value, number.baseline, number.limit))
            table.add_row(self._text(f"  {number.title}"), *map(self._text, cells))
        return table

    def _classes(self, rows: Sequence[ClassRow]) -> Table:
        """All classes where there are few, else those that differ most."""
        asked = any(row.as_asked is not None for row in rows)
        table = _columns("  class", "generated", "real", "recall", "coverage", *(["as asked"] if asked else []))
        order = sorted(rows, key=lambda row: -abs(row.made - row.expected))[:_CLASSES]
        for row in rows if len(rows) <= _CLASSES else order:
            shares = (_shown(value, "share") for value in (row.made, row.expected))
            scores = ("" if value is None else f"{value:.2f}" for value in (row.recall, row.coverage))
            name = self._text(f"  {row.name}{'  missing' if row.dropped else ''}", "bold red" if row.dropped else "")
            last = [_shown(row.as_asked, "share")] if asked else []
            table.add_row(name, *map(self._text, (*shares, *scores, *last)))
        if len(rows) > _CLASSES:
            table.add_row(self._text(f"  and {len(rows) - _CLASSES} more", "dim"))
        return table

    def _line(self, text: str = "", style: str = "") -> None:
        self._console.print(self._text(text, style), highlight=False)

    def _text(self, text: str, style: str = "") -> Text:
        """Text that no markup or highlighter touches, in characters that the terminal's encoding has."""
        printable = "".join(character if character.isprintable() else " " for character in text)
        encoding = self._console.encoding
        try:
            printable.encode(encoding)
        except UnicodeEncodeError:
            printable = printable.translate(_PLAINER).encode(encoding, "backslashreplace").decode(encoding)
        return Text(printable, style)


def _columns(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table


def _searched(some: int | None, total: int) -> str:
    return f"{total:,}" if some is None or some == total else f"{some:,} of {total:,}"


def _shown(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    if unit == "share":
        return f"{value:.1%}"
    if unit == "count":
        return f"{value:,.0f}"
    if unit == "auc":
        return f"{value:.3f}"
    return f"{value:.2g}" if unit == "p" else f"{value:,.1f}"
