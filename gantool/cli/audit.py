"""``gantool audit``: whether a model gives away its training pictures, or draws less than it was shown."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from gantool.cli.evaluate import CheckpointOption, DataOption, FeaturesChoice, FeaturesOption, ImagesOption
from gantool.cli.evaluate import chosen_subject as subject_of
from gantool.cli.shared import DeviceOption, preparation_progress
from gantool.errors import AuditFailed


def audit(
    *,
    checkpoint: CheckpointOption = None,
    images: ImagesOption = None,
    data: DataOption = None,
    samples: Annotated[int, typer.Option("--samples", min=2, help="Generated pictures, at most.")] = 10_000,
    seed: Annotated[int, typer.Option("--seed", help="Another seed, other pictures.")] = 0,
    features: FeaturesOption = FeaturesChoice.efficientnet_lite0,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Where audit.json and the pictures go; else audit/ in the run."),
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the verdict there too.")] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option("--limit", metavar="NAME=VALUE", help="Another limit, e.g. copy_rate=0.02; can be given again."),
    ] = None,
    raw_weights: Annotated[
        bool, typer.Option("--raw-weights", help="The weights of the last step, not their running average.")
    ] = False,
    device: DeviceOption = "auto",
) -> None:
    """Does the model give away its training pictures, or draw less than it was shown? Exit 0 pass, 8 fail.

    Example:  gantool audit --checkpoint runs/quickstart-001
    """
    from rich.console import Console

    from gantool.audit import Limits, summary
    from gantool.audit import audit as conduct
    from gantool.audit.conduct import FOLDER

    limits = Limits.parsed(limit or ())
    with preparation_progress() as progress:
        subject = subject_of(checkpoint, images, data, device=device, raw_weights=raw_weights)
        found = conduct(
            subject,
            samples=samples,
            seed=seed,
            features=features.value,
            limits=limits,
            device=device,
            progress=progress,
        )
    folder = out if out is not None else None if subject.run is None else subject.run.path / FOLDER
    if folder is not None:
        found.write(folder)
    if json is not None:
        found.audit.write(json)
    summary.show(found.audit, Console())
    if folder is not None:
        typer.echo(f"  evidence    {folder}: audit.json {' '.join(found.pictures)}".rstrip())
    if json is not None:
        typer.echo(f"  verdict     {json}")
    if folder is None:
        typer.echo("  no pictures were written: name a folder for them with --out DIR")
    if not found.audit.passed:
        raise AuditFailed(f"{shlex.quote(found.audit.subject.name)}: {summary.sentence(found.audit)}")
