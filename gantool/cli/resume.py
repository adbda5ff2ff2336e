"""``gantool resume``: go on with a run, exactly."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from gantool.cli.shared import DeviceOption, ProcessesOption, SetOption, conclude, is_first_rank, preparation_progress


def resume(
    run_dir: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    device: DeviceOption = "auto",
    overrides: SetOption = None,
    allow_inexact: Annotated[
        bool,
        typer.Option(
            "--allow-inexact", help="Go on where the bits may differ from an uninterrupted run; marks the run."
        ),
    ] = False,
    processes: ProcessesOption = None,
) -> None:
    """Go on with a stopped run as if it had never stopped.

    Example:  gantool resume runs/quickstart-001 --set training.total_images=200000
    """
    from gantool.device import require_devices
    from gantool.training import launch
    from gantool.training.verbs import Resumption

    started = time.monotonic()
    resumption = Resumption(run_dir, overrides or [], allow_inexact=allow_inexact)
    if resumption.is_finished():
        if is_first_rank():
            typer.echo(
                f"{run_dir}: finished at {resumption.images_seen:,} images. To go further: "
                f"gantool resume {run_dir} --set training.total_images={2 * resumption.images_seen}"
            )
        return
    wanted = processes or resumption.processes
    if wanted > 1 and not launch.is_rank():
        require_devices(device, wanted)
    with preparation_progress() as progress:
        prepared = resumption.prepare(progress)
    if launch.is_rank():
        launch.follow_launcher()
    elif wanted > 1:
        changes = [part for change in overrides or [] for part in ("--set", change)]
        inexact = ["--allow-inexact"] if allow_inexact else []
        sys.exit(launch.run_ranks(wanted, ["resume", str(run_dir), "--device", device, *inexact, *changes]))
    conclude(resumption.run, resumption.go(device, prepared=prepared), started)
