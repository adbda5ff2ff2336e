"""``gantool export``: one generator alone, to share."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer


def export(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN", help="The folder of a run (its best checkpoint, else its newest) or a checkpoint."
        ),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT.safetensors", help="The file to write.")],
    raw_weights: Annotated[
        bool, typer.Option("--raw-weights", help="The weights of the last step, not their running average.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is in the way.")] = False,
) -> None:
    """Write the generator alone: small, and without any path of this machine.

    Example:  gantool export runs/quickstart-001 garments.safetensors
    """
    from gantool.export import export_generator

    exported = export_generator(run, out, raw_weights=raw_weights, force=force)
    before = exported.source.stat().st_size
    typer.echo(f"Done: {exported.path}, {exported.size / 1e6:.1f} MB of the checkpoint's {before / 1e6:.1f} MB.")
    typer.echo(f"  taken from  {exported.source}")
    typer.echo(f"  digest      {exported.digest}")
    typer.echo(f"Next: gantool sample --checkpoint {shlex.quote(str(out))} --count 64 --grid --out pictures")
