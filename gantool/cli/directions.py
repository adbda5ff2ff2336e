"""``gantool directions``: what moves a picture most."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gantool.cli.sample import CheckpointOption, ClassOption, ForceOption, RawWeightsOption, TruncationOption
from gantool.cli.sampling import chosen_classes
from gantool.cli.shared import DeviceOption


class MethodName(StrEnum):
    """How directions are found."""

    sefa = "sefa"
    ganspace = "ganspace"


def directions(
    *,
    checkpoint: CheckpointOption,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Takes the directions and the grids.")] = Path(
        "directions"
    ),
    method: Annotated[
        MethodName, typer.Option("--method", help="sefa: from the weights; ganspace: principal components.")
    ] = MethodName.sefa,
    count: Annotated[int, typer.Option("--count", help="So many directions, the strongest first.")] = 8,
    steps: Annotated[int, typer.Option("--steps", help="Pictures in a row, odd.")] = 7,
    strength: Annotated[float, typer.Option("--strength", help="How far the row goes, in standard deviations.")] = 3.0,
    samples: Annotated[
        str,
        typer.Option("--samples", metavar="A,B,…", help="The pictures that are moved, by their numbers; a grid each."),
    ] = "0",
    seed: Annotated[int, typer.Option("--seed", help="Of the pictures.")] = 0,
    classes: ClassOption = None,
    truncation: TruncationOption = None,
    raw_weights: RawWeightsOption = False,
    force: ForceOption = False,
    device: DeviceOption = "auto",
) -> None:
    """Find directions that change pictures, without labels, and show each in a row of a grid.

    Example:  gantool directions --checkpoint runs/quickstart-001 --method ganspace --samples 0,3 --out directions
    """
    from gantool.latent.directions import Steps, write_directions
    from gantool.latent.points import Samples, numbers_of
    from gantool.sample import load_generator

    started = time.monotonic()
    numbers, row = numbers_of(samples, "--samples"), Steps(steps, strength)
    generator = load_generator(checkpoint, device=device, raw_weights=raw_weights)
    moved = Samples(numbers, seed, chosen_classes(generator, classes), truncation)
    grids = write_directions(generator, out, moved, method=method.value, count=count, steps=row, force=force)
    typer.echo(f"Done: {count} directions in {time.monotonic() - started:.1f} s.")
    typer.echo(f"  directions  {out / 'directions.safetensors'}")
    for grid in grids:
        typer.echo(f"  grid        {grid}")
    typer.echo("A row is a direction, the strongest on top; the middle of a row is the picture itself.")
