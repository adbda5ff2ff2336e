"""``gantool project``: the latent of a picture."""

from __future__ import annotations

import shlex
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gantool.cli.sample import CheckpointOption, ClassOption, ForceOption, RawWeightsOption
from gantool.cli.sampling import chosen_classes, progress_of
from gantool.cli.shared import DeviceOption
from gantool.errors import StoppedBySignal

if TYPE_CHECKING:
    from gantool.latent.projecting import Fitting
    from gantool.latent.projection import Projection


class SpaceName(StrEnum):
    """Where the latent is sought."""

    z = "z"
    w = "w"
    w_plus = "w+"


class FitName(StrEnum):
    """How the picture is brought to the model's size."""

    crop = "crop"
    pad = "pad"
    stretch = "stretch"


def project(
    *,
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="The picture.")],
    checkpoint: CheckpointOption,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Takes the pictures, the latent and the distances.")
    ] = Path("projection"),
    steps: Annotated[int, typer.Option("--steps", help="Of the search.")] = 300,
    starts: Annotated[int, typer.Option("--starts", help="From how many latents; the nearest end wins.")] = 4,
    seed: Annotated[int, typer.Option("--seed", help="Another seed, other starts.")] = 0,
    classes: ClassOption = None,
    space: Annotated[
        SpaceName | None,
        typer.Option("--space", help="stylegan2: w+ (a style a layer), or w (one for all); every other model: z."),
    ] = None,
    fit: Annotated[
        FitName | None,
        typer.Option("--fit", help="How the picture is brought to the model's size; else as its data was."),
    ] = None,
    background: Annotated[
        str | None, typer.Option("--background", metavar="COLOUR", help="Behind transparent pixels and in padding.")
    ] = None,
    raw_weights: RawWeightsOption = False,
    force: ForceOption = False,
    device: DeviceOption = "auto",
) -> None:
    """Find the latent of a picture, and draw it again from there.

    Example:  gantool project boot.png --checkpoint runs/quickstart-001 --out projection
    """
    from gantool.latent.projecting import read_picture, write_projection
    from gantool.latent.projection import Search, Stopped
    from gantool.rundir import resolve_checkpoint
    from gantool.sample import generator_of
    from gantool.training.checkpoint import read_checkpoint
    from gantool.training.signals import StopFlag

    started = time.monotonic()
    search = Search(steps, starts, seed, None if space is None else space.value)
    found = read_checkpoint(resolve_checkpoint(checkpoint))
    generator = generator_of(found, device=device, raw_weights=raw_weights)
    target = read_picture(image, generator, _fitting(found.metadata.get("config"), fit, background))
    stop = StopFlag()
    with stop.listening(), progress_of(steps, "Seeking") as progress:
        try:
            projection = write_projection(
                generator,
                target,
                out,
                search.of_classes(chosen_classes(generator, classes)),
                force=force,
                progress=progress,
                stop=lambda: bool(stop.number),
            )
        except Stopped:
            raise StoppedBySignal(stop.number, "stopped before it was found; nothing was written") from None
    began = "1 start" if starts == 1 else f"{starts} starts"
    typer.echo(f"Done: {steps:,} steps from {began} in {time.monotonic() - started:.1f} s.")
    _say(projection, checkpoint, out)


def _say(projection: Projection, checkpoint: Path, out: Path) -> None:
    before, after = projection.before, projection.after
    typer.echo(f"  pixels      {before.rmse:.1f} → {after.rmse:.1f} of 255 grey levels away (root mean square)")
    typer.echo(f"  features    {before.features:.3f} → {after.features:.3f} away")
    typer.echo(f"  at a glance {out / 'before-after.png'}")
    latent = shlex.quote(str(out / "latent.safetensors"))
    typer.echo(f"Next: gantool sample --checkpoint {shlex.quote(str(checkpoint))} --latent {latent} --out pictures")


def _fitting(config: Any, fit: FitName | None, background: str | None) -> Fitting:
    """As the model's own pictures, unless something else was asked for."""
    from dataclasses import replace

    from gantool.latent.projecting import Fitting

    own = Fitting.of(config if isinstance(config, dict) else {})
    return replace(own, fit=fit.value if fit else own.fit, background=background or own.background)
