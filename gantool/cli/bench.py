"""``gantool bench``: how fast a config trains here, and what would make it faster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gantool.cli.shared import DeviceOption, SetOption, preparation_progress
from gantool.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from gantool.config import ExperimentConfig
    from gantool.data import PreparedSet


def bench(
    config: Annotated[str, typer.Argument(help="A YAML file, or the name of a recipe (`gantool config list`).")],
    compare: Annotated[
        str | None,
        typer.Option("--compare", metavar="KEY=A,B", help="Variants in turn, e.g. precision=float32,bfloat16."),
    ] = None,
    tune: Annotated[
        bool, typer.Option("--tune", help="Try precision, memory format, threads, compilation; print the best.")
    ] = False,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Turns of each; the median counts.")] = 7,
    device: DeviceOption = "auto",
    overrides: SetOption = None,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the numbers there too.")] = None,
) -> None:
    """Time a config: images/s, where the time goes, memory, use of the machine. Nothing is kept of the training.

    Example:  gantool bench quickstart --compare precision=float32,bfloat16
    """
    if compare and tune:
        raise UsageError("--compare and --tune: one at a time")
    import json as writer

    from rich.console import Console

    from gantool import files
    from gantool.config import find_config, load_config
    from gantool.data import PreparedSet, prepare

    experiment = load_config(find_config(config), overrides or [])
    variants = _variants(experiment, compare) if compare else {}
    if json is not None:
        files.require_writable(json)
    with preparation_progress() as progress:
        dataset = PreparedSet.open(prepare(experiment.data, seed=experiment.seed, progress=progress))
    console = Console(highlight=False)
    if variants:
        found = _compare(variants, dataset, device, rounds, console)
    elif tune:
        found = _tune(experiment, dataset, device, rounds, console)
    else:
        found = _measure(experiment, dataset, device, rounds, console)
    if json is not None:
        files.write_text(json, writer.dumps({"format": 1, **found}, indent=2) + "\n")


def _variants(experiment: ExperimentConfig, text: str) -> dict[str, ExperimentConfig]:
    from gantool.bench.variants import changed, parse_comparison

    key, values = parse_comparison(text)
    return {f"{key.removeprefix('training.')}={v}": changed(experiment, [f"{key}={v}"]) for v in values}


def _measure(
    experiment: ExperimentConfig, dataset: PreparedSet, device: str, rounds: int, console: Console
) -> dict[str, Any]:
    from gantool.bench.measure import measure
    from gantool.bench.summary import show_measurement
    from gantool.bench.trial import Trial

    with Trial(experiment, dataset, device, _say) as trial, _bar(rounds) as advance:
        found = measure(trial, dataset.classes, rounds=rounds, progress=advance)
    show_measurement(found, console)
    return found.to_dict()


def _compare(
    variants: dict[str, ExperimentConfig], dataset: PreparedSet, device: str, rounds: int, console: Console
) -> dict[str, Any]:
    from gantool.bench.summary import show_comparison
    from gantool.bench.variants import compare, trials

    with trials(variants, dataset, device, _say) as opened, _bar(rounds) as advance:
        rows = compare(opened, rounds=rounds, progress=advance)
    show_comparison(rows, console)
    return {"comparison": [row.to_dict() for row in rows]}


def _tune(
    experiment: ExperimentConfig, dataset: PreparedSet, device: str, rounds: int, console: Console
) -> dict[str, Any]:
    from gantool.bench.summary import show_tuned
    from gantool.bench.tune import tune

    tuned = tune(experiment, dataset, device, rounds=rounds, say=_say)
    show_tuned(tuned, console)
    tried = [[row.to_dict() for row in rows] for rows in tuned.rounds]
    return {"tried": tried, "settings": tuned.settings, "faster": tuned.faster}


@contextmanager
def _bar(rounds: int) -> Iterator[Callable[[int], None]]:
    with preparation_progress() as progress:
        yield lambda done: progress("timing", done, rounds)


def _say(message: str) -> None:
    typer.echo(message, err=True)
