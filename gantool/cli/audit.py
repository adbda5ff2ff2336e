"""``gantool audit``: whether a model gives away its training pictures, or draws less than it was shown."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gantool import files
from gantool.cli.evaluate import CheckpointOption, DataOption, FeaturesChoice, FeaturesOption, ImagesOption
from gantool.cli.evaluate import chosen_subject as subject_of
from gantool.cli.shared import DeviceOption, preparation_progress
from gantool.errors import AuditFailed, UsageError

if TYPE_CHECKING:
    from gantool.audit import Audited


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
    """Does the model give away its training pictures, or draw less than it was shown? Exit 0 pass, 8 no pass.

    All real pictures are looked at once, up to 60,000 training and 10,000 held-out ones; what was seen is kept for the
    next time. On a CPU that takes minutes for ten thousand; --features classifier is quicker, for sets with labels.

    Example:  gantool audit --checkpoint runs/quickstart-001
    """
    from rich.console import Console

    from gantool.audit import Limits, summary
    from gantool.audit import audit as conduct
    from gantool.audit.conduct import FOLDER
    from gantool.audit.serial import FILE

    limits = Limits.parsed(limit or ())
    for path in [json, out / FILE if out is not None else None]:
        _check_writable(path)  # rather than when all work is done
    with preparation_progress(aloud=True) as progress:
        subject = subject_of(checkpoint, images, data, device=device, raw_weights=raw_weights, progress=progress)
        folder = out if out is not None else None if subject.run is None else subject.run.path / FOLDER
        _check_writable(None if folder is None else folder / FILE)
        found = conduct(
            subject,
            samples=samples,
            seed=seed,
            features=features.value,
            limits=limits,
            device=device,
            progress=progress,
        )
    summary.show(found.audit, Console())
    faults = _write(found, folder, json)
    if not found.audit.passed:
        verdict = f"{shlex.quote(found.audit.subject.name)}: {summary.sentence(found.audit)}"
        raise AuditFailed("\n".join([verdict, *faults]))
    if faults:
        raise UsageError("\n".join(faults))


def _write(found: Audited, folder: Path | None, json: Path | None) -> list[str]:
    """Write what there is to write and say where; what could not be written comes back."""
    faults = []
    if folder is None:
        typer.echo("  no pictures were written: name a folder for them with --out DIR")
    else:
        try:
            found.write(folder)
            typer.echo(f"  evidence    {folder}: audit.json {' '.join(found.pictures)}".rstrip())
        except UsageError as error:
            faults.append(str(error))
    if json is not None:
        try:
            found.audit.write(json)
            typer.echo(f"  verdict     {json}")
        except UsageError as error:
            faults.append(str(error))
    return faults


def _check_writable(path: Path | None) -> None:
    """Whether a file could be written at ``path``; folders on the way are made.

    Raises:
        UsageError: when not.
    """
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{path.parent}: cannot be made: {error.strerror or error}") from error
    files.require_writable(path)
