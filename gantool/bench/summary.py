"""A bench in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gantool.bench.contest import Spread
from gantool.bench.measure import Measurement
from gantool.bench.tune import Tuned
from gantool.bench.variants import Row

_BAR = 30


def show_measurement(found: Measurement, console: Console) -> None:
    """Speed, use of the machine, and where the time goes."""
    where = found.environment
    console.print(
        f"[bold]{escape(found.name)}[/bold]: {where['device']}, {where['precision']}, {where['threads']} threads, "
        f"{found.memory_format}",
        highlight=False,
    )
    facts = Table.grid(padding=(0, 2))
    speed = f"{found.images_per_second:,.0f} images/s; {found.images} in {_milliseconds(found.seconds)}"
    flops = f"{found.flops / 1e9:,.1f} GFLOP an iteration, {found.achieved_flops / 1e9:,.0f} GFLOP/s"
    facts.add_row("speed", speed)
    facts.add_row("work", f"{flops} (matrix products reach {found.peak_flops / 1e9:,.0f} here)")
    facts.add_row("overhead", f"{_spread(found.over_products)} times its convolutions, products and Adam alone")
    if found.memory_bytes is not None:
        facts.add_row("memory", f"{found.memory_bytes / 1e9:.2f} GB at the peak")
    facts.add_row("gradients", f"{found.gradient_bytes / 1e6:.1f} MB an iteration, between processes")
    console.print(facts)
    table = Table(title="where the time goes", title_justify="left", box=None, show_header=False)
    for name, share in [*found.shares.items(), *_amortised(found).items()]:
        table.add_row(name, f"{share:6.1%}", "#" * round(_BAR * share))
    console.print(table)


def show_comparison(rows: Sequence[Row], console: Console) -> None:
    """Variants side by side; ratios are per image, within a round."""
    table = Table(box=None)
    table.add_column("variant", overflow="fold")
    for heading in ("images/s", "an iteration", "times as fast"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            escape(row.variant), f"{row.images_per_second:,.0f}", _milliseconds(row.seconds), _spread(row.faster)
        )
    console.print(table)


def show_tuned(tuned: Tuned, console: Console) -> None:
    """What was tried, and what to write into the config."""
    for rows in tuned.rounds:
        show_comparison(rows, console)
        console.print()
    if not tuned.settings:
        console.print("Nothing that was tried is faster than the config as it is.")
        return
    console.print(f"{tuned.faster:.2f} times as fast with these lines in the config:")
    console.print("\ntraining:")
    for key, value in tuned.settings.items():
        console.print(f"  {key.removeprefix('training.')}: {value}")
    if tuned.caution:
        console.print(f"\n{tuned.caution}")


def _amortised(found: Measurement) -> dict[str, float]:
    """Beside an iteration's own parts: what log lines, grids and checkpoints add to it at their cadences."""
    return {f"+ {name}": cost / found.seconds.median for name, cost in found.outputs.items()}


def _milliseconds(spread: Spread) -> str:
    return f"{spread.median * 1e3:,.1f} ms ({spread.least * 1e3:,.1f}-{spread.most * 1e3:,.1f})"


def _spread(spread: Spread) -> str:
    return f"{spread.median:.2f} ({spread.least:.2f}-{spread.most:.2f})"
