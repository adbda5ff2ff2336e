"""``gantool sample``: pictures from a trained generator."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gantool.cli.shared import DeviceOption
from gantool.errors import StoppedBySignal, UsageError

if TYPE_CHECKING:
    from gantool.gallery import Wish
    from gantool.sample import LoadedGenerator


class FormatName(StrEnum):
    """What a picture is written as."""

    png = "png"
    jpeg = "jpeg"
    webp = "webp"
    npz = "npz"


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
SeedOption = Annotated[int, typer.Option("--seed", help="Another seed, other pictures.")]
ClassOption = Annotated[
    list[str] | None,
    typer.Option("--class", metavar="NAME", help="Only this class, by name or number; can be given again."),
]
PerClassOption = Annotated[
    int | None, typer.Option("--per-class", min=1, help="So many of each class, instead of --count.")
]
GridOption = Annotated[
    bool, typer.Option("--grid", help="Also write grid.png: the first 1,024 at a glance, one row a class.")
]
FormatOption = Annotated[
    FormatName, typer.Option("--format", help="png and webp are lossless; npz is one array, N×H×W×C uint8.")
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
    seed: SeedOption = 0,
    classes: ClassOption = None,
    per_class: PerClassOption = None,
    grid: GridOption = False,
    format: FormatOption = FormatName.png,
    raw_weights: RawWeightsOption = False,
    batch_size: BatchSizeOption = 64,
    force: ForceOption = False,
    device: DeviceOption = "auto",
) -> None:
    """Draw pictures. Picture i of a seed is the same for every count.

    Example:  gantool sample --checkpoint runs/quickstart-001 --per-class 8 --seed 7 --grid --out pictures
    """
    from gantool.gallery import Wish, write_gallery
    from gantool.sample import load_generator
    from gantool.training.signals import StopFlag

    started = time.monotonic()
    stop = StopFlag()
    with stop.listening():
        generator = load_generator(checkpoint, device=device, raw_weights=raw_weights)
        wanted = chosen_classes(generator, classes)
        wish = Wish(how_many(count, per_class, wanted), seed, wanted, batch_size)
        with _progress(wish.count) as progress:
            done = write_gallery(
                generator,
                out,
                wish,
                format=format.value,
                with_grid=grid,
                force=force,
                progress=progress,
                stop=lambda: bool(stop.number),
            )
    if done < wish.count:
        kept = "nothing was written" if format is FormatName.npz else f"they are in {out}"
        raise StoppedBySignal(stop.number, f"stopped after {done:,} of {wish.count:,} pictures; {kept}")
    _conclude(checkpoint, out, generator, wish, grid=grid, seconds=time.monotonic() - started)


def chosen_classes(generator: LoadedGenerator, asked: list[str] | None) -> tuple[int, ...]:
    """The numbers of the classes asked for, each once; of all when none is; none of an unconditional model.

    Raises:
        UsageError: for a class that is not there.
    """
    return tuple(dict.fromkeys(generator.class_numbers(asked or None)))


def how_many(count: int | None, per_class: int | None, classes: tuple[int, ...]) -> int:
    """The number of pictures.

    Raises:
        UsageError: for both numbers at once, or ``--per-class`` without classes.
    """
    if per_class is None:
        return count or 64
    if count is not None:
        raise UsageError("--count and --per-class: give one of them")
    if not classes:
        raise UsageError("--per-class: this model knows no classes; give --count")
    return per_class * len(classes)


@contextmanager
def _progress(count: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda done: None
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("Drawing", total=count)
        yield lambda done: bar.update(task, completed=done)


def _conclude(
    checkpoint: Path, out: Path, generator: LoadedGenerator, wish: Wish, *, grid: bool, seconds: float
) -> None:
    origin = generator.origin
    weights = "averaged" if origin.weights == "ema" else "raw"
    trained = "" if origin.images_seen is None else f" after {origin.images_seen:,} images of training"
    pictures = "1 picture" if wish.count == 1 else f"{wish.count:,} pictures"
    typer.echo(f"Done: {pictures} in {seconds:.1f} s, by the {weights} weights{trained}.")
    typer.echo(f"  pictures    {out}")
    if grid:
        typer.echo(f"  at a glance {out / 'grid.png'}")
    source = shlex.quote(str(checkpoint))
    if checkpoint.is_dir():
        typer.echo(f"Next: gantool export {source} generator.safetensors")
        return
    other = shlex.quote(f"{out}-{wish.seed + 1}")
    typer.echo(f"Next: gantool sample --checkpoint {source} --seed {wish.seed + 1} --out {other}")
