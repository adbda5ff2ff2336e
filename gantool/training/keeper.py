"""Keeping checkpoints: saving the state, finding the newest good one, letting old ones go.

An old checkpoint is deleted only when a newer one is in place. A newest one that is damaged is set aside, named,
and the one before it is used.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gantool import files
from gantool.config import ExperimentConfig
from gantool.errors import CheckpointError, DamagedCheckpointError, ResourceError
from gantool.rundir import RunFolder, images_seen_of
from gantool.training import shortage
from gantool.training.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from gantool.training.metadata import TO_GO_ON, require_sound
from gantool.training.state import TrainingState

_FAILURES_ALLOWED = 3
_SLOW_SAVE_S = 10.0


class Keeper:
    """The checkpoints of one run.

    Args:
        run: the folder.
        config: the experiment; it is stored in every checkpoint, without absolute paths.
        facts: what else every checkpoint says: shape, classes, data-set fingerprint, environment.
        say: takes warnings.
    """

    def __init__(
        self, run: RunFolder, config: ExperimentConfig, facts: dict[str, Any], say: Callable[[str], None]
    ) -> None:
        self._run = run
        self._config = config
        self._facts = {**facts, "config": portable(config.to_dict())}
        self._say = say
        self._failures = 0

    def save(self, state: TrainingState, *, log: Mapping[str, Any], must: bool = False) -> Path | None:
        """Write a checkpoint of ``state``; returns its path, or None when it is left to the next interval.

        Args:
            state: what to save.
            log: what is to be kept in mind of ``metrics.jsonl`` (`Recorder.written`).
            must: there is no next interval: raise at the first failure.

        Raises:
            ResourceError: when the disk is full or unwritable, and stays so.
        """
        path = self._run.checkpoint_path(state.images_seen)
        metadata = {
            **self._facts,
            "kind": "checkpoint",
            "images_seen": state.images_seen,
            "attempt": state.attempt,
            **log,
            "best": self._run.read_best(),
            **({"pending": ["evaluation"]} if state.evaluation_pending else {}),
        }
        started = time.monotonic()
        try:
            write_checkpoint(path, state.tensors(), metadata)
        except OSError as error:
            self._failed(path, error, must=must)
            return None
        self._failures = 0
        self._let_go()
        if (took := time.monotonic() - started) > _SLOW_SAVE_S:
            self._say(f"warning: {path}: took {took:.0f} s to write; a launcher that stops a run may not wait so long")
        return path

    def mark(self, *, bit_exact: bool) -> None:
        """Let every checkpoint say that the run is no longer what an uninterrupted one would be, where it is not."""
        if not bit_exact:
            self._facts["bit_exact"] = False

    def restore_best(self, checkpoint: Checkpoint) -> None:
        """The best record as ``checkpoint`` knew it: what came later is forgotten with the rest."""
        best = checkpoint.metadata.get("best")
        if best:
            path = self._run.checkpoint_folder / Path(str(best["file"])).name
            self._run.write_best(path, str(best["metric"]), float(best["value"]))
        else:
            self._run.best_record.unlink(missing_ok=True)

    def _failed(self, path: Path, error: OSError, *, must: bool) -> None:
        self._failures += 1
        if must or self._failures >= _FAILURES_ALLOWED:
            raise shortage.not_written(error, path, self._run) from error
        self._say(f"warning: {shortage.in_words(error, path, self._run)}; trying again at the next interval")

    def _let_go(self) -> None:
        settings = self._config.checkpoints
        checkpoints = self._run.checkpoints()
        kept = {*checkpoints[-settings.keep :], self._run.best()}
        if settings.keep_every is not None:
            # The first one of each stretch of so many images, since a batch may step over the exact image.
            stretch = settings.keep_every
            kept |= set({images_seen_of(path) // stretch: path for path in reversed(checkpoints)}.values())
        for path in checkpoints:
            if path not in kept:
                path.unlink(missing_ok=True)

    def newest_good(self) -> Checkpoint | None:
        """The newest checkpoint that can be read; None when there is none at all.

        Raises:
            CheckpointError: when there are some and none of them is whole.
        """
        checkpoints = self._run.checkpoints()
        for path in reversed(checkpoints):
            try:
                found = self._checked(path)
            except DamagedCheckpointError as error:
                aside = path.with_name(path.name + ".damaged")
                path.replace(aside)
                self._say(f"warning: {error}\n  set aside as {aside.name}; going back to the checkpoint before it")
            else:
                if path != checkpoints[-1]:
                    lost = images_seen_of(checkpoints[-1]) - images_seen_of(path)
                    self._say(f"warning: going on from {path.name}: {lost:,} images are lost, and are made up for")
                return found
        if checkpoints:
            raise CheckpointError(
                f"{self._run.path}: none of its {len(checkpoints)} checkpoints can be read; start again"
            )
        return None

    def _checked(self, path: Path) -> Checkpoint:
        checkpoint = read_checkpoint(path)
        if checkpoint.metadata.get("kind") != "checkpoint":
            raise CheckpointError(f"{path}: an exported generator, not a checkpoint that a run can go on from")
        require_sound(path, checkpoint.metadata, TO_GO_ON)
        if (inside := checkpoint.metadata["images_seen"]) != images_seen_of(path):
            raise DamagedCheckpointError(f"{path}: is the checkpoint of image {inside}, under another one's name")
        return checkpoint

    def check_space(self, state: TrainingState) -> None:
        """Fail before the run where its checkpoints cannot fit on the disk.

        Raises:
            ResourceError: with what is needed and what is there.
        """
        one = sum(tensor.numel() * tensor.element_size() for tensor in state.tensors().values())
        needed = one * (self._config.checkpoints.keep + 2)
        free = shutil.disk_usage(self._run.path).free
        if free < needed:
            raise ResourceError(
                f"{self._run.path}: {needed / 1e6:.0f} MB are needed for checkpoints and {free / 1e6:.0f} MB are free; "
                "free some space, lower checkpoints.keep, or choose another --run-dir"
            )

    def tidy(self) -> None:
        """Remove what a killed process left half-written."""
        for folder in (self._run.path, self._run.checkpoint_folder, self._run.samples):
            files.remove_stale_temporaries(folder)


def portable(config: dict[str, Any]) -> dict[str, Any]:
    """The config without absolute paths: a checkpoint is shared, and names no home folder."""
    data = dict(config["data"])
    for key in ("path", "exclude"):
        path = data.get(key)
        if isinstance(path, str) and Path(path).is_absolute():
            data[key] = Path(path).name
    return {**config, "data": data}
