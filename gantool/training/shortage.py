"""What a run says when memory or the disk gives out: what is wrong, what is whole, what to do."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gantool import distributed, memory
from gantool.config import ExperimentConfig
from gantool.errors import ResourceError
from gantool.rundir import RunFolder


class _Fault(NamedTuple):
    """What is wrong with a file, and what to do."""

    what: str
    advice: str


_FULL, _FAILS = _Fault("cannot be written", "Free some space"), _Fault("the disk fails", "See to the disk")
_TOO_MANY = _Fault("cannot be opened", "Raise the limit of open files (`ulimit -n`)")
_FAULTS = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: _FAILS,
    errno.EIO: _FAILS,
    errno.EMFILE: _TOO_MANY,
    errno.ENFILE: _TOO_MANY,
    errno.ENOMEM: _Fault("cannot be written", "Free some memory"),
}
"""Those that may come at any file, by errno."""
_OF_THE_FOLDER = _Fault("cannot be written", "See to the run's folder")
"""Any other one, at a file of the run."""


def in_words(error: OSError, file: object, run: RunFolder) -> str:
    """What the system said of ``file``, and what of the run is whole."""
    reason = error.strerror or str(error)
    return f"{file}: {_fault(error).what} ({reason}); {_what_is_whole(run)}"


def not_written(error: OSError, file: object, run: RunFolder) -> ResourceError:
    """The error that ends a run which cannot write ``file``: what happened, and what to do."""
    return ResourceError(f"{in_words(error, file, run)}. {_fault(error).advice}, then resume")


@contextlib.contextmanager
def explained(config: ExperimentConfig, run: RunFolder) -> Iterator[None]:
    """Turn the end of memory, the CPU's or a device's, and a file that cannot be written into a message with a remedy.

    Raises:
        ResourceError: in their place. Any other error goes on as it is.
    """
    try:
        yield
    except (OSError, MemoryError, RuntimeError) as error:
        if memory.is_out_of_memory(error):
            raise _out_of_memory(config, run) from error
        if not isinstance(error, OSError) or not (error.errno in _FAULTS or _is_of(run, error)):
            raise
        raise not_written(error, error.filename or run.path, run) from error


def _fault(error: OSError) -> _Fault:
    return _FAULTS.get(error.errno or 0, _OF_THE_FOLDER)


def _is_of(run: RunFolder, error: OSError) -> bool:
    """Whether the file is the run's: it was made unwritable, or taken away."""
    if not isinstance(error.filename, str | Path):
        return False
    return run.path.absolute() in Path(error.filename).absolute().parents


def _what_is_whole(run: RunFolder) -> str:
    newest = run.newest()
    return f"the newest checkpoint, {newest.name}, is whole" if newest else "no checkpoint was written yet"


def _out_of_memory(config: ExperimentConfig, run: RunFolder) -> ResourceError:
    share = config.training.batch_size // distributed.environment()[2]
    batch = config.training.microbatch_size or share
    smaller = next(size for size in range(max(1, batch // 2), 0, -1) if share % size == 0)
    return ResourceError(
        f"out of memory with {batch} images at a time; {_what_is_whole(run)}. Try "
        f"--set training.microbatch_size={smaller} (less memory, somewhat slower), or a smaller data.resolution"
    )
