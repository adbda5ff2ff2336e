"""`finetune`, as the command line and Python call it: a new run that starts from a trained model.

From there on it is a run like any other: `resume` goes on with it from its own checkpoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gantool.config import ExperimentConfig, FinetuneSettings
from gantool.rundir import RunFolder
from gantool.training.display import Silent
from gantool.training.origin import read_origin
from gantool.training.verbs import as_config, new_run, start


def finetune(
    origin: Path | str,
    config: ExperimentConfig | Path | str,
    *,
    run_dir: Path | str | None = None,
    device: str = "auto",
    overrides: Sequence[str] = (),
    quiet: bool = False,
) -> RunFolder:
    """Train a new run from a trained model's weights; no signal handler is installed.

    Args:
        origin: the folder of a run (its best checkpoint, else its newest) or a checkpoint.
        config: an `ExperimentConfig`, or the path of a YAML file, of the same architecture.
        run_dir: a folder that holds no run yet; by default ``runs/<name>-001``, the next free number.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.
        overrides: ``"finetune.warm_up=1000"``, as ``--set`` takes them; only with a path.
        quiet: print nothing.

    Raises:
        GantoolError: its message says what, where and what to do.
    """
    config = as_finetuned(as_config(config, overrides))
    trained = read_origin(origin)
    trained.check(config)
    run = new_run(config, run_dir, finetunes=True)
    start(config, run, device, display=Silent() if quiet else None, handle_signals=False, origin=trained)
    return run


def as_finetuned(config: ExperimentConfig) -> ExperimentConfig:
    """``config`` with a section ``finetune``, so that the run folder's own config says what kind of run it is."""
    return config if config.finetune else config.model_copy(update={"finetune": FinetuneSettings()})
