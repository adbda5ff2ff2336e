"""Every fault a person can meet, and the exit code it ends with.

    GantoolError                 1   (never raised itself)
    ├── UsageError               2   a wrong argument or combination of arguments
    │   ├── ConfigError          2   a fault in a config file; carries every fault found
    │   └── NoDeviceError        2   a device that is not there
    ├── DataError                3   pictures that cannot be used
    ├── CheckpointError          4   a checkpoint that is foreign or does not fit
    │   └── DamagedCheckpointError   4   one whose bytes are not what was written
    ├── DivergedError            5   training that left the numbers
    ├── ResourceError            6   no memory, no disk
    │   └── RankLostError        6   one of several processes that does not arrive
    ├── RunInUseError            7   another process holds the run
    ├── AuditFailed              8   an audit said no
    └── StoppedBySignal      128+n   saved, then stopped by signal n

A message says what happened, where, and what to do. The command line prints it without a traceback; anything
else that is raised is a bug of ours and keeps its traceback (exit 1).
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import ClassVar


class GantoolError(Exception):
    """A fault with a remedy. ``str(error)`` is the whole message."""

    exit_code: ClassVar[int] = 1


class UsageError(GantoolError):
    """A wrong argument."""

    exit_code = 2


class ConfigError(UsageError):
    """One or more faults in a config.

    Args:
        faults: one line each, ``file.yaml:12: data.chanels: unknown key; did you mean channels?``
    """

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults: Sequence[str] = faults


class NoDeviceError(UsageError):
    """A device that is not there, for this process: each of several takes its own."""


class DataError(GantoolError):
    """Pictures that are missing, unreadable or too few."""

    exit_code = 3


class CheckpointError(GantoolError):
    """A checkpoint that is foreign, of another schema, or of another experiment."""

    exit_code = 4


class DamagedCheckpointError(CheckpointError):
    """A checkpoint whose bytes are not what was written: an older one takes its place."""


class DivergedError(GantoolError):
    """Losses or weights that stopped being finite, more often than a rollback can mend."""

    exit_code = 5


class ResourceError(GantoolError):
    """Not enough memory or disk."""

    exit_code = 6


class RankLostError(ResourceError):
    """One of several processes that the others have waited for in vain."""


class RunInUseError(GantoolError):
    """Another process holds the lock of the run folder."""

    exit_code = 7


class AuditFailed(GantoolError):
    """An audit that did not pass."""

    exit_code = 8


class StoppedBySignal(GantoolError):
    """The run was asked to stop, saved, and stopped.

    Args:
        number: the signal, for example ``signal.SIGTERM``; the exit code is 128 + number.
        message: what was saved, and the command that goes on.
    """

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number

    @property
    def code(self) -> int:
        """The exit code, 128 + the signal's number."""
        return 128 + self.number

    @property
    def name(self) -> str:
        """The signal's name, for example ``SIGTERM``."""
        return signal.Signals(self.number).name


def exit_code_of(error: GantoolError) -> int:
    """The exit code that ``error`` ends the process with."""
    return error.code if isinstance(error, StoppedBySignal) else error.exit_code
