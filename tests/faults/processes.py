"""Runs as processes: forked from this one, which has imported everything and has one thread, or started afresh."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import gantool
from tests.faults.entry import PLAN
from tests.faults.plans import Plan

ROOT = Path(gantool.__file__).parents[1]

_PATIENCE_S = 600.0


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
        code: as a shell has it: 128 + n for a process that signal n killed.
        killed: whether a signal killed it, however it had been sent.
        words: what it said on both streams.
        seconds: how long it was waited for.
    """

    code: int
    killed: bool
    words: str
    seconds: float

    @property
    def has_traceback(self) -> bool:
        """Whether Python, and not gantool, had the last word."""
        return "Traceback" in self.words or "Aborted" in self.words


@dataclass
class Child:
    """A run that goes on in another process; wait for it once."""

    pid: int
    said: Path
    started: float = field(default_factory=time.monotonic)

    def wait(self) -> Ended:
        """Until it ends, by itself or by the harness's hand after ten minutes."""
        while (found := os.waitpid(self.pid, os.WNOHANG))[0] == 0:  # without a thread: this process forks
            if time.monotonic() - self.started > _PATIENCE_S:
                os.kill(self.pid, signal.SIGKILL)
            time.sleep(0.005)
        status = found[1]
        code = os.waitstatus_to_exitcode(status)
        words = self.said.read_text(encoding="utf-8", errors="replace")
        self.said.unlink()
        return Ended(128 - code if code < 0 else code, code < 0, words, time.monotonic() - self.started)


def import_everything() -> None:
    """What a run imports, once and before any fork."""
    import torch
    import torch._inductor  # what torch.use_deterministic_algorithms imports: two thirds of a small run
    import torch.utils.tensorboard

    import gantool.cli.app
    import gantool.training.session  # noqa: F401

    torch.set_num_threads(1)
    if len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208 - the names alone
        raise RuntimeError("something imported has started a thread: a forked child would lack it")


def fork(arguments: Sequence[str], plan: Plan | None = None, **environment: str) -> Child:
    """``gantool ARGUMENTS`` in a child of this process, with a fault planted in it."""
    said = _new_file()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        _be_gantool(arguments, said, _with(plan, environment))
    return Child(pid, said)


def run(arguments: Sequence[str], plan: Plan | None = None, **environment: str) -> Ended:
    """`fork`, and wait for it."""
    return fork(arguments, plan, **environment).wait()


def run_afresh(
    arguments: Sequence[str],
    *,
    interpreter: Sequence[str] = ("-m", "gantool"),
    cwd: Path | str | None = None,
    without: Sequence[str] = (),
    **environment: str,
) -> Ended:
    """``python -m gantool ARGUMENTS`` as a shell starts it, in ``cwd`` and ``without`` some variables."""
    started = time.monotonic()
    known = {name: value for name, value in os.environ.items() if name not in without}
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, *interpreter, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        env={**known, "PYTHONPATH": path, **environment},
        timeout=_PATIENCE_S,
        check=False,
    )
    code = done.returncode
    words = done.stdout.decode("utf-8", "replace")
    return Ended(128 - code if code < 0 else code, code < 0, words, time.monotonic() - started)


def _with(plan: Plan | None, environment: Mapping[str, str]) -> dict[str, str]:
    return {**environment, **({PLAN: plan.to_json()} if plan else {})}


def _be_gantool(arguments: Sequence[str], said: Path, environment: Mapping[str, str]) -> None:
    """In the child: never returns."""
    from tests.faults import entry

    code: object = 1
    try:
        descriptor = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.close(descriptor)
        # pytest and pools put other streams there.
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False, buffering=1)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        os.environ.update(environment)
        sys.argv = ["gantool", *arguments]
        entry.main()
    except SystemExit as ended:
        code = ended.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)


def _new_file() -> Path:
    descriptor, name = tempfile.mkstemp(prefix="said-")
    os.close(descriptor)
    return Path(name)
