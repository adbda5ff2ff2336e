"""``gantool train``: a new run from a config."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from gantool.cli.shared import DeviceOption, ProcessesOption, SetOption
from gantool.cli.starting import OrResumeOption, RunDirOption, begin, resumed_instead


def train(
    config: Annotated[str, typer.Argument(help="A YAML file, or the name of a recipe (`gantool config list`).")],
    run_dir: RunDirOption = None,
    device: DeviceOption = "auto",
    overrides: SetOption = None,
    processes: ProcessesOption = None,
    or_resume: OrResumeOption = False,
    profile: Annotated[
        int, typer.Option("--profile", min=0, metavar="N", help="Trace N iterations into the run's profile/.")
    ] = 0,
) -> None:
    """Train a GAN.

    Example:  gantool train quickstart.yaml --set training.total_images=50000
    """
    if resumed_instead(run_dir, device, overrides, processes, or_resume=or_resume):
        return

    from gantool.config import find_config, load_config
    from gantool.training.verbs import new_run

    started = time.monotonic()
    experiment = load_config(find_config(config), overrides or [])
    run = new_run(experiment, run_dir)
    begin(
        experiment,
        run,
        ["train", config],
        device=device,
        overrides=overrides,
        processes=processes,
        started=started,
        profile=profile,
    )
