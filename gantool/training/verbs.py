"""`train` and `resume`, as the command line and Python call them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gantool import files
from gantool.config import ExperimentConfig, from_dict, load_config, parse_config
from gantool.data import PreparedSet, prepare
from gantool.errors import CheckpointError, ConfigError, DataError, GantoolError, UsageError
from gantool.rundir import RunFolder, next_free
from gantool.training.checkpoint import Checkpoint, read_checkpoint
from gantool.training.display import Display, Silent
from gantool.training.fit import require_whole_fit
from gantool.training.keeper import portable
from gantool.training.loop import Ending
from gantool.training.origin import Origin, read_origin
from gantool.training.session import Session, choose_machine

Progress = Callable[[str, int, int], None]
_INFO_LIMIT = 4_000_000
_CHANGE_NO_BITS = ("name", "log", "samples", "checkpoints", "evaluation", "training.total_images")
_CHANGE_THE_RUN = ("model", "data", "seed")


def train(
    config: ExperimentConfig | Path | str,
    *,
    run_dir: Path | str | None = None,
    device: str = "auto",
    overrides: Sequence[str] = (),
    quiet: bool = False,
) -> RunFolder:
    """Train a new run from Python; no signal handler is installed, so notebooks work.

    Args:
        config: an `ExperimentConfig`, or the path of a YAML file.
        run_dir: a folder that holds no run yet; by default ``runs/<name>-001``, the next free number.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.
        overrides: ``"training.total_images=10000"``, as ``--set`` takes them; only with a path.
        quiet: print nothing.

    Raises:
        GantoolError: its message says what, where and what to do.
    """
    config = as_config(config, overrides)
    run = new_run(config, run_dir)
    start(config, run, device, display=Silent() if quiet else None, handle_signals=False)
    return run


def as_config(config: ExperimentConfig | Path | str, overrides: Sequence[str]) -> ExperimentConfig:
    """``config`` itself, or what the YAML file at that path says.

    Raises:
        UsageError: for overrides of a config that is none of a file.
        ConfigError: see `load_config`.
    """
    if not isinstance(config, ExperimentConfig):
        return load_config(Path(config), overrides)
    if overrides:
        raise UsageError("overrides go with a config file; change the ExperimentConfig itself")
    return config


def new_run(config: ExperimentConfig, run_dir: Path | str | None, *, finetunes: bool = False) -> RunFolder:
    """The folder of a run that begins.

    Raises:
        UsageError: when a run lives there already.
        ConfigError: for the settings of a fine-tuned run without a model to start from.
    """
    if config.finetune and not finetunes:
        raise ConfigError(
            "finetune: is for a run that starts from a trained model: `gantool finetune RUN CONFIG`; "
            "to train from nothing, leave it out (--set finetune=null)"
        )
    if run_dir is None:
        return RunFolder(next_free(config.name))
    run = RunFolder(run_dir)
    if run.exists():
        raise UsageError(
            f"{run.path}: holds a run already; go on with `gantool resume {run.path}`, or choose another --run-dir"
        )
    if run.path.is_file():
        raise UsageError(f"{run.path}: is a file; --run-dir takes a folder")
    return run


def start(
    config: ExperimentConfig,
    run: RunFolder,
    device: str = "auto",
    *,
    prepared: Path | None = None,
    display: Display | None = None,
    profile: int = 0,
    handle_signals: bool = True,
    origin: Origin | None = None,
) -> Ending:
    """Train, from nothing or from a trained model.

    The data is prepared first where the caller has not done so. ``profile`` iterations are traced.
    """
    machine = choose_machine(config, device)
    prepared = prepared or prepare(config.data, seed=config.seed)
    return Session(
        config,
        run,
        prepared,
        machine,
        display=display,
        profile=profile,
        handle_signals=handle_signals,
        origin=origin,
        finetuned_from=origin.digest if origin else "",
    ).go()


class Resumption:
    """A run that can go on: its config, and how far it is.

    Attributes:
        display: where words go; None chooses by terminal.

    Args:
        run_dir: the run's folder.
        overrides: changes, as ``--set`` takes them.
        allow_inexact: accept changes after which the run is not what an uninterrupted one would be.

    Raises:
        UsageError: where no run lives.
        CheckpointError: for a change that the run cannot take.
    """

    def __init__(self, run_dir: Path | str, overrides: Sequence[str] = (), *, allow_inexact: bool = False) -> None:
        self.run = RunFolder(run_dir)
        if not self.run.exists():
            what = "not a run folder (it has no config.yaml)" if self.run.path.exists() else "no such folder"
            raise UsageError(f"{self.run.path}: {what}; `gantool train CONFIG` starts a run")
        self.run.require_plain()
        self.display: Display | None = None
        self._allow_inexact = allow_inexact
        self._changed = ""
        self._checkpoint = _newest_readable(self.run)
        before = self._config_before()
        self.config = before
        if self._checkpoint is not None:  # before anything of a size that only the config knows is made
            require_whole_fit(self._checkpoint, before)
            self._checkpoint = replace(self._checkpoint, tensors={})  # the run reads it again, under the lock
        if overrides:
            self.config = parse_config(before.to_yaml(), file=str(self.run.config), overrides=overrides)
            self._changed = self._check_changes(before.to_dict(), self.config.to_dict())

    @property
    def images_seen(self) -> int:
        """How far the newest checkpoint is."""
        return int(self._checkpoint.metadata["images_seen"]) if self._checkpoint else 0

    @property
    def processes(self) -> int:
        """How many processes the run had.

        Raises:
            CheckpointError: for many more than this machine has cores: a stranger's number starts no thousand of them.
        """
        environment = self._checkpoint.metadata.get("environment", {}) if self._checkpoint else {}
        found, most = int(environment.get("processes", 1)), max(8, os.cpu_count() or 1)
        if found > most:
            raise CheckpointError(
                f"{self.run.path}: ran in {found:,} processes, many for this machine's {os.cpu_count()} cores; "
                "say how many you want: --processes N (another number needs --allow-inexact)"
            )
        return found

    def is_finished(self) -> bool:
        """Whether there is nothing left to do."""
        checkpoint = self._checkpoint
        if checkpoint is None or checkpoint.metadata.get("pending"):
            return False
        return self.images_seen >= self.config.training.total_images

    def go(self, device: str = "auto", *, prepared: Path | None = None) -> Ending:
        """Go on to the end; ``prepared`` is what `prepare` gave, where the caller asked it before."""
        prepared = prepared or self.prepare()
        machine = choose_machine(self.config, device)
        origin = self._origin() if self._checkpoint is None else None
        known = self._checkpoint.metadata.get("finetuned_from", "") if self._checkpoint else ""
        return Session(
            self.config,
            self.run,
            prepared,
            machine,
            resumed=True,
            allow_inexact=self._allow_inexact,
            changed=self._changed,
            display=self.display,
            origin=origin,
            finetuned_from=origin.digest if origin else known,
        ).go()

    def _origin(self) -> Origin | None:
        """What a fine-tuned run that has no checkpoint yet starts from again; None for a run that is none.

        Raises:
            CheckpointError: when it is no longer there as it was.
        """
        if self.config.finetune is None:
            return None
        before = _json(self.run.finetune_record).get("origin", {})
        path = str(before.get("checkpoint", "?"))
        again = f"start again: gantool finetune RUN {self.run.config} --run-dir FOLDER"
        try:
            origin = read_origin(path)
        except GantoolError as error:
            raise CheckpointError(
                f"{self.run.path}: has no checkpoint yet, and the model that it starts from is gone ({error}); {again}"
            ) from error
        if origin.digest != before.get("digest"):
            raise CheckpointError(
                f"{self.run.path}: has no checkpoint yet, and {path} is no longer what it starts from; {again}"
            )
        return origin

    def prepare(self, progress: Progress | None = None) -> Path:
        """The run's prepared set: where it was, or made again from its source."""
        known = _json(self.run.info).get("prepared")
        wanted = self._checkpoint.metadata.get("dataset_fingerprint") if self._checkpoint else None
        if isinstance(known, str) and Path(known).is_dir():
            try:
                if wanted is None or PreparedSet.open(Path(known)).fingerprint == wanted:
                    return Path(known)
            except DataError:
                pass  # damaged or half-deleted: it is made again below, and its fingerprint compared
        return prepare(self.config.data, seed=self.config.seed, progress=progress)

    def _config_before(self) -> ExperimentConfig:
        """The checkpoint's config; its data path may be shortened there, and is whole in config.yaml."""
        if self._checkpoint is None:
            return load_config(self.run.config)
        saved = dict(self._checkpoint.metadata["config"])
        try:
            written = load_config(self.run.config).to_dict()
        except UsageError:
            written = {}
        if written and portable(written)["data"] == saved.get("data"):
            saved["data"] = written["data"]
        try:
            return from_dict(saved, file=str(self._checkpoint.path))
        except ConfigError as error:
            raise CheckpointError(f"{self._checkpoint.path}: its config does not describe a run\n{error}") from error

    def _check_changes(self, before: dict[str, Any], after: dict[str, Any]) -> str:
        """The changes after which the run is no longer exact, "" for none."""
        changed = _changed_keys(before, after)
        fatal = [key for key in changed if _under(key, _CHANGE_THE_RUN)]
        if fatal:
            raise CheckpointError(
                f"{self.run.path}: a run cannot change {', '.join(fatal)}: its checkpoint would not fit; "
                "train a new run"
            )
        inexact = [key for key in changed if not _under(key, _CHANGE_NO_BITS)]
        if inexact and not self._allow_inexact:
            raise CheckpointError(
                f"{self.run.path}: {', '.join(inexact)} changed: the run would not be what an uninterrupted one is; "
                "accept it with --allow-inexact"
            )
        return f"changed: {', '.join(inexact)}" if inexact else ""


def _newest_readable(run: RunFolder) -> Checkpoint | None:
    """A look without the lock: nothing is moved, the run itself sets damaged files aside."""
    for path in reversed(run.checkpoints()):
        try:
            return read_checkpoint(path)
        except CheckpointError:
            continue
    return None


def _changed_keys(before: Any, after: Any, prefix: str = "") -> list[str]:
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return [] if before == after else [prefix]
    keys = sorted(before.keys() | after.keys())
    return [
        found
        for key in keys
        for found in _changed_keys(before.get(key), after.get(key), f"{prefix}.{key}" if prefix else key)
    ]


def _under(key: str, roots: Sequence[str]) -> bool:
    return any(key == root or key.startswith(root + ".") for root in roots)


def _json(path: Path) -> dict[str, Any]:
    try:
        loaded = json.loads(files.read_regular(path, _INFO_LIMIT))
    except (OSError, ValueError, RecursionError):
        return {}
    return loaded if isinstance(loaded, dict) else {}
