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
    """What is wrong with a disk, and what to do."""

    what: str
    advice: str


_FULL, _FAILS = _Fault("cannot be written", "Free some space"), _Fault("the disk fails", "See to the disk")
_OF_DISKS = {errno.ENOSPC: _FULL, errno.EDQUOT: _FULL, errno.EROFS: _FAILS, errno.EIO: _FAILS}
_OF_THE_FOLDER = _Fault("cannot be written", "See to the run's folder")


def not_written(error: OSError, what: object, whole: str) -> ResourceError:
    """The error that ends a run which cannot write.

    Args:
        error: what the system said.
        what: the file or folder.
        whole: what of the run is whole.
    """
    fault = _OF_DISKS.get(error.errno or 0, _OF_THE_FOLDER)
    reason = error.strerror or str(error)
    return ResourceError(f"{what}: {fault.what} ({reason}); {whole}. {fault.advice}, then resume")


@contextlib.contextmanager
def told(config: ExperimentConfig, run: RunFolder) -> Iterator[None]:
    """Turn "out of memory" of CPU and CUDA, and a disk that takes no more, into a message with a remedy.

    Raises:
        ResourceError: in their place.
    """
    try:
        yield
    except OSError as error:
        removed = error.errno == errno.ENOENT and run.path in Path(str(error.filename)).parents
        if not removed and error.errno not in _OF_DISKS:
            raise
        raise not_written(error, error.filename or run.path, _what_is_whole(run)) from error
    except (MemoryError, RuntimeError) as error:
        if not memory.is_out_of_memory(error):
            raise
        raise _out_of_memory(config, run) from error


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
