"""``gantool compare``: runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def compare(
    subjects: Annotated[
        list[Path], typer.Argument(metavar="RUN…", help="Run folders, or the JSON files of metric cards; at least two.")
    ],
    *,
    features: Annotated[
        str | None, typer.Option("--features", metavar="NAME", help="Which card of a run; else one that all have.")
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", metavar="SPLIT", help="The same, by its real pictures: holdout or train.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a page, with pictures and configs.")
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write it for machines.")] = None,
) -> None:
    """Put the metrics of runs side by side; cards that cannot be compared are refused, with the reasons.

    Example:  gantool compare runs/quickstart-001 runs/quickstart-002 --html compare.html
    """
    from rich.console import Console

    from gantool import files
    from gantool.comparison import compare as put_side_by_side
    from gantool.comparison import page, table
    from gantool.report.writing import write_page

    outputs = [path for path in (html, json) if path is not None]
    for path in outputs:
        files.require_writable(path)
    comparison = put_side_by_side(subjects, features=features, split=split)
    table.show(comparison, Console())
    if html is not None:
        write_page(html, page.render(comparison))
    if json is not None:
        write_page(json, comparison.to_json())
    for path in outputs:
        typer.echo(f"wrote {path}")
