"""What `train` and `finetune` have in common: where a run goes, one that is there already, one process or several."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gantool.cli.resume import resume
from gantool.cli.shared import conclude, preparation_progress
from gantool.errors import UsageError
from gantool.rundir import RunFolder

if TYPE_CHECKING:
    from gantool.config import ExperimentConfig
    from gantool.training.origin import Origin

RunDirOption = Annotated[
    Path | None, typer.Option("--run-dir", help="Where the run is written; by default runs/<name>-001, -002, …")
]
OrResumeOption = Annotated[
    bool,
    typer.Option("--or-resume", help="Go on with the run in --run-dir where there is one: for launchers."),
]


def resumed_instead(
    run_dir: Path | None, device: str, overrides: list[str] | None, processes: int | None, *, or_resume: bool
) -> bool:
    """Go on with the run in ``run_dir`` where ``or_resume`` asks for it and there is one; whether that was done.

    Raises:
        UsageError: when no folder is named in which there could be one.
    """
    if not or_resume:
        return False
    if run_dir is None:
        raise UsageError("--or-resume: name the run's folder with --run-dir, so that the next start finds it")
    if not RunFolder(run_dir).exists():
        return False
    resume(run_dir, device, overrides, processes=processes)
    return True


def begin(
    experiment: ExperimentConfig,
    run: RunFolder,
    command: Sequence[str],
    *,
    device: str,
    overrides: Sequence[str] | None,
    processes: int | None,
    started: float,
    profile: int = 0,
    origin: Origin | None = None,
) -> None:
    """Prepare the pictures and train, here or in several processes that are given ``command`` and the same options."""
    from gantool.data import prepare
    from gantool.device import require_devices
    from gantool.training import launch
    from gantool.training.verbs import start

    ranked = launch.is_rank()
    ranks = 1 if ranked else processes or 1
    if ranks > 1:
        require_devices(device, ranks)
    with preparation_progress() as progress:
        prepared = prepare(experiment.data, seed=experiment.seed, progress=progress)
    if ranks > 1:
        run.create()  # the ranks must agree on the folder
        options = [part for change in overrides or [] for part in ("--set", change)]
        options += ["--profile", str(profile)] if profile else []
        where = ["--run-dir", str(run.path), "--device", device]
        sys.exit(launch.run_ranks(ranks, [*command, *where, *options]))
    if ranked:
        launch.follow_launcher()
    ending = start(experiment, run, device, prepared=prepared, profile=profile, origin=origin)
    conclude(run, ending, started)
