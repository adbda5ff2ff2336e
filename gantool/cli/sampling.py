"""What ``gantool sample`` does, after what was asked: pictures of a draw, a film, a mix, or a latent from a file."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, cast

import typer

from gantool.errors import StoppedBySignal, UsageError

if TYPE_CHECKING:
    from gantool.gallery import Wish
    from gantool.latent.points import Samples
    from gantool.sample import LoadedGenerator


class FormatName(StrEnum):
    """What pictures are written as."""

    png = "png"
    jpeg = "jpeg"
    webp = "webp"
    npz = "npz"
    gif = "gif"
    mp4 = "mp4"


STILL = (FormatName.png, FormatName.jpeg, FormatName.webp, FormatName.npz)
FILM = (FormatName.gif, FormatName.webp, FormatName.mp4, FormatName.png)


@dataclass(frozen=True)
class Asked:
    """The command line of ``gantool sample``; None where an option was not given."""

    checkpoint: Path
    out: Path
    count: int | None
    seed: int | None
    classes: list[str] | None
    per_class: int | None
    truncation: float | None
    grid: bool
    interpolate: str | None
    frames: int | None
    fps: int | None
    loop: bool
    mix: str | None
    into: str | None
    mix_from: int | None
    latent: Path | None
    format: FormatName | None
    raw_weights: bool
    batch_size: int
    force: bool
    device: str

    @property
    def draw(self) -> int:
        """The seed of the draw."""
        return self.seed or 0

    def require_together(self) -> None:
        """Make sure that the options go together.

        Raises:
            UsageError: naming two that do not.
        """
        modes = {"--interpolate": self.interpolate, "--mix": self.mix, "--latent": self.latent}
        given = [name for name, value in modes.items() if value is not None]
        if len(given) > 1:
            raise UsageError(f"{given[0]} and {given[1]}: give one of them")
        mode = given[0] if given else ""
        belongs = {
            "--count": (self.count, ("",)),
            "--per-class": (self.per_class, ("",)),
            "--grid": (self.grid or None, ("",)),
            "--seed": (self.seed, ("", "--interpolate", "--mix")),
            "--class": (self.classes, ("", "--interpolate", "--mix")),
            "--truncation": (self.truncation, ("", "--interpolate", "--mix")),
            "--frames": (self.frames, ("--interpolate",)),
            "--fps": (self.fps, ("--interpolate",)),
            "--loop": (self.loop or None, ("--interpolate",)),
            "--into": (self.into, ("--mix",)),
            "--mix-from": (self.mix_from, ("--mix",)),
        }
        for option, (value, with_modes) in belongs.items():
            if value is not None and mode not in with_modes:
                if mode:
                    raise UsageError(f"{option} and {mode}: do not go together; leave one out")
                raise UsageError(f"{option}: goes with {with_modes[0]}; give that too, or leave it out")
        formats = {"": STILL, "--interpolate": FILM, "--mix": (FormatName.png,)}.get(mode, STILL[:3])
        if self.format is not None and self.format not in formats:
            what = f"is not what {mode} writes" if mode else "needs --interpolate"
            raise UsageError(f"--format {self.format}: {what}; choices: {', '.join(formats)}")

    def samples(self, generator: LoadedGenerator, numbers: tuple[int, ...]) -> Samples:
        """Pictures of the draw."""
        from gantool.latent.points import Samples

        chosen = chosen_classes(generator, self.classes)
        return Samples(numbers, self.draw, chosen, self.truncation, self.batch_size)


def draw(asked: Asked, generator: LoadedGenerator, stop: Callable[[], int], started: float) -> None:
    """Pictures 0 to count − 1 of a draw."""
    from gantool.gallery import Format, Wish, write_gallery

    wanted = chosen_classes(generator, asked.classes)
    count = how_many(asked.count, asked.per_class, wanted)
    wish = Wish(count, asked.draw, wanted, asked.batch_size, asked.truncation)
    format = asked.format or FormatName.png
    with progress_of(wish.count) as progress:
        done = write_gallery(
            generator,
            asked.out,
            wish,
            format=cast(Format, format.value),
            with_grid=asked.grid,
            force=asked.force,
            progress=progress,
            stop=lambda: bool(stop()),
        )
    if done < wish.count:
        kept = "nothing was written" if format is FormatName.npz else f"they are in {asked.out}"
        raise StoppedBySignal(stop(), f"stopped after {done:,} of {wish.count:,} pictures; {kept}")
    _conclude(asked, generator, wish, seconds=time.monotonic() - started)


def film(asked: Asked, generator: LoadedGenerator, stop: Callable[[], int], started: float) -> None:
    """From picture to picture."""
    from gantool.latent.animation import FilmFormat, write_film
    from gantool.latent.interpolation import Way, frames
    from gantool.latent.points import numbers_of

    numbers = numbers_of(asked.interpolate or "", "--interpolate")
    way = Way(asked.samples(generator, numbers), 60 if asked.frames is None else asked.frames, asked.loop)
    format = asked.format or FormatName.gif
    with progress_of(way.frames) as progress:
        written = write_film(
            asked.out,
            lambda: frames(generator, way),
            way.frames,
            way.keys.origin(generator, way.says()),
            format=cast(FilmFormat, format.value),
            fps=asked.fps or 20,
            force=asked.force,
            progress=progress,
            stop=lambda: bool(stop()),
        )
    if written is None:
        raise StoppedBySignal(stop(), f"stopped before the film was whole; give the command again ({asked.out})")
    typer.echo(f"Done: {way.frames:,} frames in {time.monotonic() - started:.1f} s.")
    typer.echo(f"  {'frames' if format is FormatName.png else 'film':10}  {written}")


def mix(asked: Asked, generator: LoadedGenerator, started: float) -> None:
    """Styles of some pictures in others."""
    from gantool.latent.mixing import Mix, first_layer, write_mix
    from gantool.latent.points import numbers_of

    start = first_layer(generator, asked.mix_from)
    rows = numbers_of(asked.mix or "", "--mix")
    columns = rows if asked.into is None else numbers_of(asked.into, "--into")
    wanted = Mix(asked.samples(generator, rows), asked.samples(generator, columns), start)
    written = write_mix(generator, asked.out, wanted, force=asked.force)
    typer.echo(f"Done: {len(rows)} × {len(columns)} pictures in {time.monotonic() - started:.1f} s.")
    typer.echo(
        f"  layers      0 to {start - 1} from the columns, {start} to {generator.network.layers - 1} from the rows"
    )
    typer.echo(f"  grid        {written}")


def latents(asked: Asked, generator: LoadedGenerator, started: float) -> None:
    """The pictures of latents in a file."""
    from gantool.latent.drawing import write_latent_pictures
    from gantool.provenance import PictureFormat

    written, foreign = write_latent_pictures(
        generator,
        cast(Path, asked.latent),
        asked.out,
        format=cast(PictureFormat, (asked.format or FormatName.png).value),
        batch_size=asked.batch_size,
        force=asked.force,
    )
    if foreign:
        typer.echo(f"  note: {asked.latent} was found for other weights than these", err=True)
    pictures = "1 picture" if len(written) == 1 else f"{len(written):,} pictures"
    typer.echo(f"Done: {pictures} in {time.monotonic() - started:.1f} s.")
    typer.echo(f"  pictures    {written[0] if len(written) == 1 else asked.out}")


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
def progress_of(count: int, what: str = "Drawing") -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda done: None
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(what, total=count)
        yield lambda done: bar.update(task, completed=done)


def _conclude(asked: Asked, generator: LoadedGenerator, wish: Wish, *, seconds: float) -> None:
    origin = generator.origin
    weights = "averaged" if origin.weights == "ema" else "raw"
    trained = "" if origin.images_seen is None else f" after {origin.images_seen:,} images of training"
    pictures = "1 picture" if wish.count == 1 else f"{wish.count:,} pictures"
    typer.echo(f"Done: {pictures} in {seconds:.1f} s, by the {weights} weights{trained}.")
    typer.echo(f"  pictures    {asked.out}")
    if asked.grid:
        typer.echo(f"  at a glance {asked.out / 'grid.png'}")
    source = shlex.quote(str(asked.checkpoint))
    if asked.checkpoint.is_dir():
        typer.echo(f"Next: gantool export {source} generator.safetensors")
        return
    other = shlex.quote(f"{asked.out}-{wish.seed + 1}")
    typer.echo(f"Next: gantool sample --checkpoint {source} --seed {wish.seed + 1} --out {other}")
