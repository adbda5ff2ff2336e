"""``gantool report``: a run as one HTML file."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The run's folder.")],
    *,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="The file; RUN/report.html by default.")
    ] = None,
    watts: Annotated[
        float | None,
        typer.Option(
            "--watts",
            min=0,
            help="What the machine draws; else 10 W for each CPU thread, 300 W for each GPU is assumed.",
        ),
    ] = None,
) -> None:
    """Write a run as one HTML file: samples, curves, metrics, audit, data, config, cost. Needs no network.

    Example:  gantool report runs/quickstart-001 --out report.html
    """
    from gantool.pages.text import visible
    from gantool.report import write_report
    from gantool.report.writing import NAME

    gathered = write_report(run, out, watts=watts)
    typer.echo(f"wrote {out or run / NAME}")
    for fault in gathered.faults:
        typer.echo(f"  could not be shown: {visible(fault)}", err=True)
    name = shlex.quote(str(run))
    if not gathered.cards:
        typer.echo(f"  no metric card yet: gantool evaluate --checkpoint {name}")
    if gathered.audit is None:
        typer.echo(f"  no audit yet: gantool audit --checkpoint {name}")
