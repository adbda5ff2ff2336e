"""A comparison on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gantool.comparison.comparing import Comparison, Row
from gantool.evaluation.card import Spread, Value
from gantool.pages.text import number, plain_for, shortened, visible
from gantool.report.page import features_words


def show(comparison: Comparison, console: Console) -> None:
    """Print the metrics side by side; the better one is marked where the difference exceeds both deviations."""
    _Shown(comparison, console).print()


class _Shown:
    def __init__(self, comparison: Comparison, console: Console) -> None:
        self._comparison = comparison
        self._console = console
        self._plain = plain_for(console)

    def print(self) -> None:
        """Everything, in the order of reading."""
        comparison = self._comparison
        card = comparison.entries[0].card
        self._line(f"Features: {features_words(card.features)}")
        pictures = f"{card.reference.pictures:,} {visible(card.reference.split)} pictures"
        self._line(f"{card.samples:,} made pictures against {pictures}, set {visible(card.reference.fingerprint)[:12]}")
        self._console.print(self._table())
        self._line("↓ lower is better, ↑ higher; ★ better by more than both deviations", "dim")
        if any(_unreliable(row) for row in comparison.rows):
            self._line("¹ not reliable: its card says why", "dim")
        for note in comparison.notes:
            self._line(f"Note: {note}")
        if comparison.config:
            self._line(f"Set differently ({' | '.join(entry.name for entry in comparison.entries)}):")
        for difference in comparison.config:
            values = " | ".join(shortened(visible(value), 40) for value in difference.values)
            self._line(f"  {visible(difference.key)}: {values}")

    def _table(self) -> Table:
        table = Table(pad_edge=False, box=None, header_style="bold")
        table.add_column("metric", overflow="fold")  # folded: what is cut off ends in a sign that a terminal may lack
        for entry in self._comparison.entries:
            table.add_column(self._text(entry.name), justify="right", overflow="fold")
        table.add_column("floor", justify="right", overflow="fold")
        features = visible(self._comparison.entries[0].card.features.name)  # said above the table
        for row in self._comparison.rows:
            arrow, footnote = "↓" if row.better == "lower" else "↑", " ¹" * _unreliable(row)
            title = self._text(f"{row.title.removesuffix(f' ({features})')} {arrow}{footnote}")
            cells = [self._cell(value, row.best == index) for index, value in enumerate(row.values)]
            table.add_row(title, *cells, self._text(_spread(row.floor)))
        return table

    def _cell(self, value: Value | None, best: bool) -> Text:
        return self._text(f"★ {_spread(value)}", "bold green") if best else self._text(_spread(value))

    def _line(self, text: str, style: str = "") -> None:
        self._console.print(self._text(text, style))

    def _text(self, text: str, style: str = "") -> Text:
        return Text(self._plain(text), style)


def _unreliable(row: Row) -> bool:
    return any(value is not None and not value.reliable for value in row.values)


def _spread(one: Spread | None) -> str:
    return "–" if one is None else number(one.mean, one.deviation)
