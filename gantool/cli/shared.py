"""What several verbs say and ask in the same words."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from gantool.errors import StoppedBySignal

if TYPE_CHECKING:
    from gantool.rundir import RunFolder
    from gantool.training.loop import Ending

DeviceOption = Annotated[str, typer.Option("--device", help="auto (cuda, then mps, then cpu), cpu, cuda, cuda:1, mps.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key, e.g. model.latent_dim=64.")
]
ProcessesOption = Annotated[
    int | None, typer.Option("--processes", min=1, help="Processes on this machine; the batch is divided among them.")
]


def is_first_rank() -> bool:
    """Whether this process is the one that speaks."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def preparation_progress(*, aloud: bool = False) -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each stage of looking at pictures: appears when there is something to do, and only on a terminal.

    Args:
        aloud: say each stage in a line where there is no terminal.
    """
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    if not (console.is_terminal and is_first_rank()):
        said: set[str] = set()

        def say(stage: str, done: int, total: int) -> None:
            if aloud and stage not in said and done < total:
                said.add(stage)
                typer.echo(f"{stage} ({total:,})", err=True)

        yield say
        return
    with Progress(console=console, transient=True) as bar:
        tasks: dict[str, int] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done, total=total)  # type: ignore[arg-type]

        yield show


def conclude(run: RunFolder, ending: Ending, started: float) -> None:
    """Say how a run ended, and what to type next.

    Raises:
        StoppedBySignal: when a signal ended it.
    """
    if ending.signal:
        raise StoppedBySignal(
            ending.signal, f"stopped at image {ending.images_seen:,}; saved. Go on with: gantool resume {run.path}"
        )
    if not is_first_rank():
        return
    minutes, seconds = divmod(int(time.monotonic() - started), 60)
    grids = sorted(run.samples.glob("*.png"))
    what = "Stopped early, since evaluations got no better" if ending.early else "Done"
    typer.echo(f"{what}: {ending.images_seen:,} images in {minutes}:{seconds:02d}.")
    if ending.early:
        typer.echo(f"  to go on    gantool resume {run.path} --set evaluation.patience=null")
    typer.echo(f"  samples     {grids[-1] if grids else run.samples}")
    typer.echo(f"  checkpoint  {run.best() or run.newest()}")
    typer.echo(f"  curves      tensorboard --logdir {run.tensorboard}")
    typer.echo(f"Next: gantool sample --checkpoint {run.path} --count 64 --grid --out pictures")
