"""A comparison on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gantool.comparison.comparing import Comparison
from gantool.evaluation.card import Spread, Value
from gantool.pages.text import number, shortened, visible
from gantool.report.page import features_words


def show(comparison: Comparison, console: Console) -> None:
    """Print the metrics side by side; the better one is marked where the difference exceeds both deviations."""
    card = comparison.entries[0].card
    console.print(Text(f"Features: {features_words(card.features)}"))
    pictures = f"{card.reference.pictures:,} {visible(card.reference.split)} pictures"
    console.print(
        Text(f"{card.samples:,} made pictures against {pictures}, set {visible(card.reference.fingerprint)[:12]}")
    )
    table = Table(pad_edge=False, box=None, header_style="bold")
    table.add_column("metric")
    for entry in comparison.entries:
        table.add_column(Text(entry.name), justify="right", overflow="fold")
    table.add_column("floor", justify="right")
    unreliable = False
    for row in comparison.rows:
        cells = [_cell(value, row.best == index) for index, value in enumerate(row.values)]
        short = row.title.removesuffix(f" ({visible(card.features.name)})")  # said above the table
        title = Text(f"{short} {'↓' if row.better == 'lower' else '↑'}")
        if any(value is not None and not value.reliable for value in row.values):
            title.append(" ¹")
            unreliable = True
        table.add_row(title, *cells, Text(_spread(row.floor)))
    console.print(table)
    console.print(Text("↓ lower is better, ↑ higher; ★ better by more than both deviations", style="dim"))
    if unreliable:
        console.print(Text("¹ not reliable: its card says why", style="dim"))
    if comparison.config:
        console.print(Text(f"Set differently ({' | '.join(entry.name for entry in comparison.entries)}):"))
    for difference in comparison.config:
        values = " | ".join(shortened(visible(value), 40) for value in difference.values)
        console.print(Text(f"  {visible(difference.key)}: {values}"))


def _cell(value: Value | None, best: bool) -> Text:
    if value is None:
        return Text("–")
    text = number(value.mean, value.deviation)
    return Text(f"★ {text}", style="bold green") if best else Text(text)


def _spread(one: Spread | None) -> str:
    return "–" if one is None else number(one.mean, one.deviation)
