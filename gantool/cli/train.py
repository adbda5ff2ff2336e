"""``gantool train``: a new run from a config."""

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


def train(
    config: Annotated[str, typer.Argument(help="A YAML file, or the name of a recipe (`gantool config list`).")],
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
    profile: Annotated[
        int, typer.Option("--profile", min=0, metavar="N", help="Trace N iterations into the run's profile/.")
    ] = 0,
) -> None:
    """Train a GAN.

    Example:  gantool train quickstart.yaml --set training.total_images=50000
    """
    if or_resume and run_dir is None:
        raise UsageError("--or-resume: name the run's folder with --run-dir, so that the next start finds it")
    if or_resume and run_dir and RunFolder(run_dir).exists():
        resume(run_dir, device, overrides, processes=processes)
        return

    from gantool.config import find_config, load_config
    from gantool.data import prepare
    from gantool.training import launch
    from gantool.training.verbs import new_run, start

    started = time.monotonic()
    experiment = load_config(find_config(config), overrides or [])
    ranked = launch.is_rank()
    run = new_run(experiment, run_dir)
    with preparation_progress() as progress:
        prepared = prepare(experiment.data, seed=experiment.seed, progress=progress)
    if processes and processes > 1 and not ranked:
        run.create()  # the ranks must agree on the folder
        changes = [part for change in overrides or [] for part in ("--set", change)]
        changes += ["--profile", str(profile)] if profile else []
        sys.exit(
            launch.run_ranks(processes, ["train", config, "--run-dir", str(run.path), "--device", device, *changes])
        )
    if ranked:
        launch.follow_launcher()
    conclude(run, start(experiment, run, device, prepared=prepared, profile=profile), started)
