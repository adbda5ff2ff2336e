"""``gantool finetune``: a new run that starts from a trained model."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from gantool.cli.shared import DeviceOption, ProcessesOption, SetOption
from gantool.cli.starting import OrResumeOption, RunDirOption, begin, resumed_instead


def finetune(
    origin: Annotated[
        Path,
        typer.Argument(
            metavar="RUN", help="The folder of a run (its best checkpoint, else its newest) or a checkpoint."
        ),
    ],
    config: Annotated[str, typer.Argument(help="A YAML file, or the name of a recipe, of the same architecture.")],
    run_dir: RunDirOption = None,
    device: DeviceOption = "auto",
    overrides: SetOption = None,
    processes: ProcessesOption = None,
    or_resume: OrResumeOption = False,
) -> None:
    """Take a trained model to other pictures, even a few hundred.

    Tensors that do not fit (other classes, channels, sizes) begin anew and are listed.

    Example:  gantool finetune runs/faces-001 mine.yaml --set finetune.freeze.discriminator_layers=2
    """
    if resumed_instead(run_dir, device, overrides, processes, or_resume=or_resume):
        return

    from gantool.config import find_config, load_config
    from gantool.training.finetuning import as_finetuned
    from gantool.training.origin import read_origin
    from gantool.training.verbs import new_run

    started = time.monotonic()
    experiment = as_finetuned(load_config(find_config(config), overrides or []))
    trained = read_origin(origin)
    trained.check(experiment)
    run = new_run(experiment, run_dir, finetunes=True)
    begin(
        experiment,
        run,
        ["finetune", str(origin), config],
        device=device,
        overrides=overrides,
        processes=processes,
        started=started,
        origin=trained,
    )
