"""The run folder: its names, its lock, its newest and best checkpoint.

    config.yaml  run.json  metrics.jsonl  tensorboard/  samples/000120000.png  checkpoints/000120000.safetensors  lock

Numbers are images seen: order comes from the counter, never from a file's time.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import math
import os
import re
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gantool import files
from gantool.errors import CheckpointError, ResourceError, RunInUseError, UsageError

try:
    import fcntl
except ImportError:  # Windows: runs are not locked there, as the README says
    fcntl = None  # type: ignore[assignment]

CHECKPOINT_SUFFIX = ".safetensors"

_log = logging.getLogger(__name__)

_RECORD_LIMIT = 100_000
_INTRODUCTION_S = 1.0
_NUMBERED = re.compile(r"[0-9]{9,}")


class RunFolder:
    """One run on disk. Creating the object touches nothing."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.config = self.path / "config.yaml"
        self.info = self.path / "run.json"
        self.finetune_record = self.path / "finetune.json"
        self.metrics = self.path / "metrics.jsonl"
        self.tensorboard = self.path / "tensorboard"
        self.samples = self.path / "samples"
        self.checkpoint_folder = self.path / "checkpoints"
        self.best_record = self.checkpoint_folder / "best.json"

    def exists(self) -> bool:
        """Whether a run lives here."""
        return self.config.is_file()

    def create(self) -> None:
        """Make the folders.

        Raises:
            ResourceError: when the place cannot be written.
            UsageError: when a file of the run is a link, a pipe or a device: someone else's run folder can hold any.
        """
        self.require_plain()
        try:
            for folder in (self.samples, self.checkpoint_folder):
                folder.mkdir(parents=True, exist_ok=True)
            probe = self.path / f".writable{files.TEMPORARY_SUFFIX}"
            probe.write_bytes(b"")
            probe.unlink(missing_ok=True)  # the lock is not held yet: whoever holds it may have tidied up
        except OSError as error:
            room = "free some space, or " if error.errno in {errno.ENOSPC, errno.EDQUOT} else ""
            raise ResourceError(
                f"{self.path}: cannot be written ({error.strerror}); {room}choose another --run-dir"
            ) from error

    def require_plain(self) -> None:
        """Refuse what would have a run written to outside its folder, or waited for.

        Raises:
            UsageError: naming the first link, pipe or device among the run's own files and folders.
        """
        folders = (self.tensorboard, self.samples, self.checkpoint_folder)
        plain = (self.config, self.info, self.finetune_record, self.metrics, self.path / "lock", self.best_record)
        for path in (*folders, *plain):
            try:
                kind = stat.S_IFMT(path.lstat().st_mode)
            except OSError:  # not there
                continue
            if kind != (stat.S_IFDIR if path in folders else stat.S_IFREG):
                what = "a link" if kind == stat.S_IFLNK else "no plain file" if path not in folders else "no folder"
                raise UsageError(f"{path}: is {what}; a run writes inside its own folder only: put the real one there")

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the run for this process; the kernel lets go of it even after ``kill -9``.

        Raises:
            RunInUseError: names the process and host that hold it.
        """
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            if fcntl is not None:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    raise RunInUseError(
                        f"{self.path}: in use by {_holder(descriptor)}; wait for it, or stop it first"
                    ) from error
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
            yield
        finally:
            os.close(descriptor)

    def checkpoint_path(self, images_seen: int) -> Path:
        """Where the checkpoint of that moment lies."""
        return self.checkpoint_folder / f"{images_seen:09d}{CHECKPOINT_SUFFIX}"

    def sample_path(self, images_seen: int) -> Path:
        """Where the sample grid of that moment lies."""
        return self.samples / f"{images_seen:09d}.png"

    def checkpoints(self) -> list[Path]:
        """All checkpoints, oldest first."""
        found = self.checkpoint_folder.glob(f"*{CHECKPOINT_SUFFIX}")
        return sorted((path for path in found if _is_checkpoint(path)), key=images_seen_of)

    def newest(self) -> Path | None:
        """The checkpoint of the highest counter."""
        return max(self.checkpoints(), key=images_seen_of, default=None)

    def best(self) -> Path | None:
        """The checkpoint that evaluation found best, where one was kept."""
        record = self.read_best()
        if record is None:
            return None
        path = self.checkpoint_folder / Path(str(record["file"])).name
        return path if _is_checkpoint(path) else None

    def read_best(self) -> dict[str, Any] | None:
        """``{"file": …, "metric": …, "value": …}``, or None."""
        try:
            record = json.loads(files.read_regular(self.best_record, _RECORD_LIMIT))
        except (OSError, ValueError, RecursionError):
            return None
        return record if is_best_record(record) else None

    def write_best(self, checkpoint: Path, metric: str, value: float) -> None:
        """Record that ``checkpoint`` is the best so far."""
        record = {"file": checkpoint.name, "metric": metric, "value": value}
        files.write_text(self.best_record, json.dumps(record) + "\n")


def is_best_record(value: Any) -> bool:
    """Whether this is what `RunFolder.write_best` writes; it goes into every checkpoint."""
    if not isinstance(value, dict) or not all(isinstance(value.get(key), str) for key in ("file", "metric")):
        return False
    number = value.get("value")
    try:
        return type(number) in {int, float} and math.isfinite(number)  # type: ignore[arg-type]
    except OverflowError:  # a whole number of 400 digits
        return False


def images_seen_of(checkpoint: Path) -> int:
    """The counter in a checkpoint's name."""
    return int(checkpoint.stem)


def _is_checkpoint(path: Path) -> bool:
    """A regular file of a checkpoint's name: a number and the suffix."""
    return path.suffix == CHECKPOINT_SUFFIX and bool(_NUMBERED.fullmatch(path.stem)) and path.is_file()


def _holder(lock: int) -> str:
    """Who holds the lock of this descriptor, in its own words: ``process 4711 on kilauea``.

    Whoever has just taken it has not said so yet, and one who was killed is still named: wait for them a moment.
    """
    deadline = time.monotonic() + _INTRODUCTION_S
    while True:
        said = os.pread(lock, 200, 0).decode("utf-8", "replace").strip()
        if _may_be_alive(said) or time.monotonic() > deadline:
            return said or "another process"
        time.sleep(0.01)


def _may_be_alive(holder: str) -> bool:
    """Whether it names a process that lives, or one of another machine, of which nothing is known here."""
    named = re.fullmatch(r"process (\d{1,9}) on (.+)", holder)
    if named is None:
        return False
    if named[2] == socket.gethostname():
        try:
            os.kill(int(named[1]), 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
    return True


def next_free(name: str, parent: Path = Path("runs")) -> Path:
    """``runs/<name>-001``, or the next number after the highest that is taken."""
    pattern = re.compile(re.escape(name) + r"-(\d{3,})")
    taken = [int(m[1]) for p in parent.glob(f"{name}-*") if (m := pattern.fullmatch(p.name))] if parent.is_dir() else []
    return parent / f"{name}-{max(taken, default=0) + 1:03d}"


def resolve_checkpoint(file_or_run: Path | str) -> Path:
    """A checkpoint file as it is; of a run its best checkpoint, else its newest.

    Raises:
        UsageError: when nothing is there.
        CheckpointError: when a run has no checkpoint.
    """
    path = Path(file_or_run)
    if path.is_file():
        return path
    if not path.exists():
        raise UsageError(f"{path}: no such file or run folder")
    run = RunFolder(path)
    found = run.best()
    if found is None and (found := run.newest()) is not None and run.best_record.exists():
        _log.warning("%s: names no checkpoint that is there; taking the newest, %s", run.best_record, found.name)
    if found is None:
        what = "a run without a checkpoint" if run.exists() else "not a run folder (it has no config.yaml)"
        raise CheckpointError(f"{path}: {what}; give a checkpoint (*.safetensors) or the folder of a run")
    return found
