"""``gantool sample``: pictures from a trained generator."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from gantool.cli import sampling
from gantool.cli.sampling import Asked, FormatName
from gantool.cli.shared import DeviceOption

CheckpointOption = Annotated[
    Path,
    typer.Option(
        "--checkpoint",
        metavar="FILE_OR_RUN",
        help="A run (its best checkpoint, else its newest), a checkpoint, or an exported generator.",
    ),
]
OutOption = Annotated[
    Path,
    typer.Option(
        "--out",
        metavar="DIR",
        help="Where the pictures go. A file there is replaced only by the same picture, or with --force.",
    ),
]
CountOption = Annotated[int | None, typer.Option("--count", min=1, help="How many; 64 unless said otherwise.")]
SeedOption = Annotated[
    int | None, typer.Option("--seed", help="Another seed, other pictures; 0 unless said otherwise.")
]
ClassOption = Annotated[
    list[str] | None,
    typer.Option("--class", metavar="NAME", help="Only this class, by name or number; can be given again."),
]
PerClassOption = Annotated[
    int | None, typer.Option("--per-class", min=1, help="So many of each class, instead of --count.")
]
TruncationOption = Annotated[
    float | None,
    typer.Option("--truncation", metavar="PSI", help="Below 1: fewer surprises, less variety; 0.7 is common."),
]
GridOption = Annotated[
    bool, typer.Option("--grid", help="Also write grid.png: the first 1,024 at a glance, one row a class.")
]
InterpolateOption = Annotated[
    str | None,
    typer.Option("--interpolate", metavar="A,B,…", help="A film from picture A to picture B and on, by their numbers."),
]
FramesOption = Annotated[
    int | None, typer.Option("--frames", min=2, help="Of the whole film; 60 unless said otherwise.")
]
FpsOption = Annotated[
    int | None,
    typer.Option("--fps", min=1, max=100, help="Frames a second, in a gif 50 at most; 20 unless said otherwise."),
]
LoopOption = Annotated[bool, typer.Option("--loop", help="Let the film go back to A at its end.")]
MixOption = Annotated[
    str | None,
    typer.Option(
        "--mix", metavar="A,B,…", help="A grid: the fine of these pictures in the coarse of others (stylegan2)."
    ),
]
IntoOption = Annotated[
    str | None, typer.Option("--into", metavar="C,D,…", help="With --mix: those others; else the same pictures.")
]
MixFromOption = Annotated[
    int | None, typer.Option("--mix-from", metavar="LAYER", help="With --mix: where the fine begins; else the middle.")
]
LatentOption = Annotated[
    Path | None, typer.Option("--latent", metavar="FILE", help="Draw what gantool project found, from its latent file.")
]
FormatOption = Annotated[
    FormatName | None,
    typer.Option(
        "--format",
        help="png and webp are lossless; npz is one array, N×H×W×C uint8. Of a film: gif, webp, mp4, or png frames.",
    ),
]
RawWeightsOption = Annotated[
    bool, typer.Option("--raw-weights", help="The weights of the last step, not their running average.")
]
BatchSizeOption = Annotated[
    int, typer.Option("--batch-size", min=1, help="Pictures computed together: memory against speed.")
]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace whatever is in the way in --out.")]


def sample(
    *,
    checkpoint: CheckpointOption,
    out: OutOption = Path("pictures"),
    count: CountOption = None,
    seed: SeedOption = None,
    classes: ClassOption = None,
    per_class: PerClassOption = None,
    truncation: TruncationOption = None,
    grid: GridOption = False,
    interpolate: InterpolateOption = None,
    frames: FramesOption = None,
    fps: FpsOption = None,
    loop: LoopOption = False,
    mix: MixOption = None,
    into: IntoOption = None,
    mix_from: MixFromOption = None,
    latent: LatentOption = None,
    format: FormatOption = None,
    raw_weights: RawWeightsOption = False,
    batch_size: BatchSizeOption = 64,
    force: ForceOption = False,
    device: DeviceOption = "auto",
) -> None:
    """Draw pictures. Picture i of a seed is the same for every count.

    Example:  gantool sample --checkpoint runs/quickstart-001 --per-class 8 --seed 7 --grid --out pictures
    """
    asked = Asked(**locals())  # the options have the names of its fields
    asked.require_together()
    from gantool.sample import load_generator
    from gantool.training.signals import StopFlag

    started = time.monotonic()
    generator = load_generator(checkpoint, device=device, raw_weights=raw_weights)
    # These write each file whole or not at all, and ask nobody in between: a signal ends them at once.
    if mix is not None:
        sampling.mix(asked, generator, started)
        return
    if latent is not None:
        sampling.latents(asked, generator, started)
        return
    stop = StopFlag()
    with stop.listening():
        draw = sampling.draw if interpolate is None else sampling.film
        draw(asked, generator, lambda: stop.number, started)
