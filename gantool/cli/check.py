"""``gantool data check``: what is wrong with pictures, before a night is spent on them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gantool.cli.prepare import LabelsOption, SourceArgument, WorkersOption
from gantool.cli.shared import preparation_progress
from gantool.errors import DataError


class FeaturesName(StrEnum):
    """Whether a network looks at the pictures too."""

    auto = "auto"
    on = "on"
    off = "off"


def check(
    source: SourceArgument,
    *,
    resolution: Annotated[
        int | None, typer.Option("--resolution", min=1, help="The side that is wanted; else the largest sensible one.")
    ] = None,
    labels: LabelsOption = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page with pictures.")] = None,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write all of it for machines.")] = None,
    exclude_to: Annotated[
        Path | None,
        typer.Option("--exclude-to", metavar="FILE", help="Write the list that `prepare --exclude` takes."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a list that is there.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 3 when something would stop or poison training.")
    ] = False,
    mirrored: Annotated[bool, typer.Option("--mirrored", help="Look for mirror images too.")] = False,
    features: Annotated[
        FeaturesName,
        typer.Option("--features", help="Let a network look for strangers and wrong labels: auto does where it can."),
    ] = FeaturesName.auto,
    most_features: Annotated[
        int, typer.Option("--feature-limit", min=50, help="Of more pictures the network sees so many.")
    ] = 10_000,
    workers: WorkersOption = None,
) -> None:
    """Say what is wrong with pictures: damage, duplicates, blur, bars, strangers, labels, and what it means.

    Example:  gantool data check my-pictures --resolution 64 --html check.html --exclude-to bad.txt
    """
    from rich.console import Console

    from gantool.data.detect import settings_for
    from gantool.inspection import outputs, summary
    from gantool.inspection.inspect import Wish, inspect
    from gantool.inspection.overview import verdict
    from gantool.inspection.strangers import FeatureLimit

    written = outputs.Outputs(html=html, json=json, exclude_to=exclude_to, force=force)
    written.require_writable()
    settings = settings_for(source, labels=labels)
    spelled = () if labels is None else ("--labels", labels)
    wish = Wish(resolution, mirrored, FeatureLimit(features.value, most_features), workers, spelled)
    with preparation_progress() as progress:
        report = inspect(settings, source, wish, progress, ready=written.write)
    summary.show(report, Console())
    for path in written.paths():
        typer.echo(f"wrote {path}")
    judged = verdict(report)
    if strict and judged.judgement in ("stop", "poison"):
        raise DataError(f"{source}: {judged.sentence}")
