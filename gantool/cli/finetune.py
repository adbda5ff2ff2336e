"""``gantool finetune``: a new run that starts from a trained model."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from gantool.cli.resume import resume
from gantool.cli.shared import DeviceOption, ProcessesOption, SetOption, conclude, preparation_progress
from gantool.errors import UsageError
from gantool.rundir import RunFolder


def finetune(
    origin: Annotated[
        Path,
        typer.Argument(
            metavar="RUN", help="The folder of a run (its best checkpoint, else its newest) or a checkpoint."
        ),
    ],
    config: Annotated[str, typer.Argument(help="A YAML file, or the name of a recipe, of the same architecture.")],
    run_dir: Annotated[
        Path | None, typer.Option("--run-dir", help="Where the run is written; by default runs/<name>-001, -002, …")
    ] = None,
    device: DeviceOption = "auto",
    overrides: SetOption = None,
    processes: ProcessesOption = None,
    or_resume: Annotated[
        bool,
        typer.Option("--or-resume", help="Go on with the run in --run-dir where there is one: for launchers."),
    ] = False,
) -> None:
    """Take a trained model to other pictures, even a few hundred.

    Tensors that do not fit (other classes, channels, sizes) begin anew and are listed.

    Example:  gantool finetune runs/faces-001 mine.yaml --set finetune.freeze.discriminator_layers=2
    """
    if or_resume and run_dir is None:
        raise UsageError("--or-resume: name the run's folder with --run-dir, so that the next start finds it")
    if or_resume and run_dir and RunFolder(run_dir).exists():
        resume(run_dir, device, overrides, processes=processes)
        return

    from gantool.config import find_config, load_config
    from gantool.data import prepare
    from gantool.training import launch
    from gantool.training.finetuning import as_finetuned
    from gantool.training.origin import read_origin
    from gantool.training.verbs import new_run, start

    started = time.monotonic()
    experiment = as_finetuned(load_config(find_config(config), overrides or []))
    trained = read_origin(origin)
    trained.check(experiment)
    ranked = launch.is_rank()
    run = new_run(experiment, run_dir, finetunes=True)
    with preparation_progress() as progress:
        prepared = prepare(experiment.data, seed=experiment.seed, progress=progress)
    if processes and processes > 1 and not ranked:
        run.create()  # the ranks must agree on the folder
        changes = [part for change in overrides or [] for part in ("--set", change)]
        arguments = ["finetune", str(origin), config, "--run-dir", str(run.path), "--device", device, *changes]
        sys.exit(launch.run_ranks(processes, arguments))
    if ranked:
        launch.follow_launcher()
    conclude(run, start(experiment, run, device, prepared=prepared, origin=trained), started)
