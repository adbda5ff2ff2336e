"""A child that is gantool, forked, and held: so much address space, so many seconds."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

SECONDS = 30.0
_MB = 1 << 20


@dataclass(frozen=True)
class Served:
    """How a child ended.

    Attributes:
        code: as a shell has it.
        late: whether it had to be killed.
        words: what it said, on both streams.
        seconds: how long it took.
        peak_mb: the most memory that it, or a process of its own, ever had resident.
        space_mb: the most address space that it itself ever had; 0 where it was killed.
    """

    code: int
    late: bool
    words: str
    seconds: float
    peak_mb: float
    space_mb: float


def serve(
    arguments: Sequence[str],
    cwd: Path,
    *,
    space_mb: float | None = None,
    seconds: float = SECONDS,
    main: Callable[[], None] | None = None,
    **environment: str,
) -> Served:
    """``gantool ARGUMENTS`` in ``cwd``, in a forked child with a process group of its own.

    Args:
        arguments: the command line.
        cwd: where it runs.
        space_mb: the address space that it may have; None for any.
        seconds: after which it is killed.
        main: what it does in gantool's place: for the harness's own tests.
        environment: variables that are set.
    """
    said, space = cwd.parent / "said", cwd.parent / "space"
    sys.stdout.flush()
    sys.stderr.flush()
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        _be(arguments, cwd, said, space, space_mb, main, environment)
    late = False
    while (found := os.wait4(pid, os.WNOHANG))[0] == 0:
        if not late and time.monotonic() - started > seconds:
            late = True
            _kill_group(pid)
        time.sleep(0.005)
    took = time.monotonic() - started
    _kill_group(pid)  # whoever it left behind
    code = os.waitstatus_to_exitcode(found[1])
    words = said.read_bytes().decode("utf-8", "replace")
    measured = float(space.read_text()) if space.exists() else 0.0
    for file in (said, space):
        file.unlink(missing_ok=True)
    return Served(128 - code if code < 0 else code, late, words, took, found[2].ru_maxrss / 1024, measured)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _be(
    arguments: Sequence[str],
    cwd: Path,
    said: Path,
    space: Path,
    space_mb: float | None,
    main: Callable[[], None] | None,
    environment: dict[str, str],
) -> None:
    """In the child: never returns."""
    code: object = 1
    try:
        os.setsid()
        descriptor = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(descriptor, stream)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False, errors="surrogateescape")
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False, buffering=1, errors="backslashreplace")
        os.chdir(cwd)
        os.environ.update(environment)
        sys.argv = ["gantool", *arguments]
        if main is None:
            from gantool.cli import main
        if space_mb is not None:
            limit = int(space_mb * _MB)
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        main()
    except SystemExit as ended:
        code = ended.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        space.write_text(str(_peak_space_mb()))
        os._exit(code if isinstance(code, int) else 1)


def _peak_space_mb() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmPeak:"))
