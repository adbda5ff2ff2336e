"""A check in the terminal: the verdict, the facts, the kinds that were found, what it means, what to type next.

Columns without lines, so a pipe gets the same plain text. Names are strangers' text: no markup in them is
interpreted, and nothing in them moves the cursor.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gantool.inspection import overview
from gantool.inspection.overview import (
    MEANING,
    Judgement,
    Section,
    excluded,
    fact_rows,
    option_words,
    ranked,
    sections,
)
from gantool.inspection.report import Report, Severity
from gantool.pages.text import shortened, visible

_STYLES: dict[Severity | Judgement, str] = {
    "stop": "bold red",
    "poison": "bold yellow",
    "look": "bold cyan",
    "note": "dim",
    "fine": "bold green",
}
_PLAINER = str.maketrans({"×": "x", "…": "~", "’": "'"})
_NARROWEST = 12
_CLASSES = 6


def show(report: Report, console: Console) -> None:
    """Print the summary of a check."""
    _Summary(report, console).print()


class _Summary:
    def __init__(self, report: Report, console: Console) -> None:
        self._report = report
        self._console = console
        self._sections = sections(report)

    def print(self) -> None:
        """Everything, from the verdict to the next command."""
        verdict = overview.verdict(self._report)
        self._line(verdict.sentence, _STYLES[verdict.judgement])
        self._line()
        self._facts()
        if self._sections:
            self._line()
            self._kinds()
        if self._report.advice.lines:
            self._line()
            self._line("What it means for training", "bold")
            self._rows([("-", visible(line)) for line in self._report.advice.lines])
        self._line()
        self._line("Next", "bold")
        for command in self._next():
            self._console.print(self._text(f"  {command}"), soft_wrap=True, highlight=False)

    def _facts(self) -> None:
        rows = [("source", visible(self._report.source)), *fact_rows(self._report.facts)]
        if self._report.facts.class_counts:
            rows.append(("classes", _classes(self._report.facts.class_counts)))
        if self._report.options:
            rows.append(("checked with", ", ".join(option_words(self._report.options))))
        self._rows(rows, style="dim")

    def _kinds(self) -> None:
        """One line a kind under its severity: what, how many pictures, and an example."""
        counts = max(len(f"{part.pictures:,}") for part in self._sections)
        titles = max(cell_len(part.kind.title) for part in self._sections) + 2
        titles = min(titles, max(self._console.width - counts - _NARROWEST, self._console.width // 2) - 4)
        room = max(self._console.width - titles - counts - 4, _NARROWEST)
        table = _columns(width=titles)
        table.add_column(justify="right", no_wrap=True, width=counts)
        table.add_column(no_wrap=True, width=room)
        severity = None
        for part in self._sections:
            if part.kind.severity != severity:
                severity = part.kind.severity
                table.add_row(self._text(MEANING[severity], _STYLES[severity]))
            number = f"{part.pictures:,}" if part.pictures else ""
            table.add_row(
                self._text(f"  {part.kind.title}"), self._text(number), self._text(self._example(part, room), "dim")
            )
        self._console.print(table)

    def _example(self, part: Section, room: int) -> str:
        """The worst finding of a kind in ``room`` columns: names, and the evidence as far as there is room for it."""
        worst = part.findings[0]
        detail = visible(worst.detail)
        if not worst.pictures:
            return detail if cell_len(detail) <= room else set_cell_size(detail, room - 1) + "…"
        names = [visible(self._report.names[index]) for index in worst.pictures[: 2 if part.kind.grouped else 1]]
        each = (room + 3) // len(names) - 3
        said = " = ".join(shortened(name, each) for name in names)
        if part.kind.grouped or not detail:
            return said
        left = room - cell_len(detail) - 2
        return f"{shortened(names[0], left)}: {detail}" if left >= min(_NARROWEST, cell_len(names[0])) else said

    def _next(self) -> Iterator[str]:
        report, advice = self._report, self._report.advice
        source = " ".join([shlex.quote(visible(report.source)), *map(shlex.quote, report.spelled)])
        if self._sections:
            yield f"gantool data check {source} --html check.html"
        leave_out = ""
        if excluded(self._report) and not report.prepared:
            yield f"gantool data check {source} --exclude-to exclude.txt"
            leave_out = " --exclude exclude.txt"
        if report.prepared:
            yield f"gantool train {advice.recipe} --set 'data={{source: prepared, path: {visible(report.source)}}}'"
            return
        resolution = report.options.get("resolution", advice.resolution)
        yield f"gantool data prepare {source} --out prepared --resolution {resolution}{leave_out}"
        yield f"gantool train {advice.recipe} --set 'data={{source: prepared, path: prepared}}'"

    def _rows(self, rows: list[tuple[str, str]], style: str = "") -> None:
        """A word and what there is to say about it, row by row."""
        table = _columns()
        table.add_column(overflow="fold")
        for name, value in rows:
            table.add_row(self._text(name, style), self._text(value))
        self._console.print(table)

    def _line(self, text: str = "", style: str = "") -> None:
        self._console.print(self._text(text, style), highlight=False)

    def _text(self, text: str, style: str = "") -> Text:
        """Text that no markup, emoji code or highlighter touches, in characters that the terminal's encoding has."""
        encoding = self._console.encoding
        try:
            text.encode(encoding)
        except UnicodeEncodeError:
            text = text.translate(_PLAINER).encode(encoding, "backslashreplace").decode(encoding)
        return Text(text, style)


def _columns(width: int | None = None) -> Table:
    """Columns without lines; the first is there already."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0), collapse_padding=True)
    table.add_column(no_wrap=width is None, width=width)
    return table


def _classes(counts: Mapping[str, int]) -> str:
    """Every class where there are few, else the largest and the smallest."""
    pairs = ranked(counts)
    if len(pairs) > _CLASSES:
        ends = f"from {shortened(pairs[0][0], 24)} {pairs[0][1]:,} to {shortened(pairs[-1][0], 24)} {pairs[-1][1]:,}"
        return f"{len(pairs):,}, {ends}"
    return ", ".join(f"{name} {number:,}" for name, number in pairs)
