"""Plants one fault in this process, by wrapping functions of gantool. Only the harness's children call it."""

from __future__ import annotations

import functools
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults.fullness import FullDisk, fill
from tests.faults.plans import WRITES, Plan

TALLY = "GANTOOL_TEST_TALLY"
_STEP_S = 0.01
_LATE_S = 4.0
_CLOCK_JUMP_S = 86_400.0


def plant(plan: Plan) -> None:
    """Arm ``plan``; in a launcher's process, let the ranks be started through the harness's entry."""
    if plan.rank is not None and "RANK" not in os.environ:
        _through_entry()
    elif os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0":  # the fault was in a life before
        if os.environ["RANK"] == str(plan.rank):
            time.sleep(_LATE_S)  # the others find what this one left in the agent's store, and nothing newer
    elif plan.spot == "full disk":
        FullDisk(plan, Path(os.environ[TALLY]) if TALLY in os.environ else None).set()
    elif plan.rank is None or str(plan.rank) == os.environ["RANK"]:
        _Trap(plan).set()


class _Trap:
    """Strikes once."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._seen = 0
        self._struck = False

    def set(self) -> None:
        """Wrap the functions that the spot is in."""
        from gantool import data
        from gantool.training import loop, verbs
        from gantool.training.evaluation import Evaluation
        from gantool.training.grid import SampleGrid
        from gantool.training.keeper import Keeper
        from gantool.training.recorder import Recorder

        spot = self._plan.spot
        homes: dict[str, tuple[Any, str]] = {
            "preparation": (data, "prepare"),
            "start-up": (verbs, "start"),
            "grid": (SampleGrid, "draw"),
            "evaluation": (Evaluation, "measure"),
        }
        _before(loop, "iterate", self._step)
        if spot in homes:
            _before(*homes[spot], lambda *_: self._strike())
        elif spot == "log line":
            _before(Recorder, "_write", self._log_line)
        elif spot == "filled disk":
            _before(Keeper, "save", self._fill)
        elif spot in WRITES:
            self._watch_writes()

    def _is_due(self) -> bool:
        return not self._struck and self._seen >= self._plan.images

    def _strike(self) -> None:
        if self._is_due():
            self._struck = True
            os.kill(os.getpid(), self._plan.number)

    def _fill(self, keeper: Any, state: Any) -> None:
        if state.images_seen >= self._plan.images and not self._struck:
            self._struck = True
            fill(keeper._run.path)

    def _step(self, training: Any, state: Any, *_: Any) -> None:
        if self._plan.spot == "step" and state.images_seen >= self._plan.images and not self._struck:
            self._struck = True
            if self._plan.number == signal.SIGKILL:  # in the midst of the step, or of what follows it
                threading.Thread(target=self._kill_soon, daemon=True).start()
            else:
                os.kill(os.getpid(), self._plan.number)
        self._seen = state.images_seen + training.batch_size

    def _kill_soon(self) -> None:
        time.sleep(self._plan.share * _STEP_S)
        os.kill(os.getpid(), signal.SIGKILL)

    def _log_line(self, recorder: Any, line: dict[str, Any]) -> None:
        if self._is_due():
            text = json.dumps(line) + "\n"
            stream = recorder._stream
            stream.write(text[: int(len(text) * self._plan.share)])
            stream.flush()
            self._strike()

    def _watch_writes(self) -> None:
        from gantool import files

        real_sync, real_sync_folder = files._sync, files.sync_folder
        current: list[Path] = []

        def sync(path: Path) -> None:
            current[:] = [path]
            if self._plan.what in path.name:
                if self._plan.spot == "half written" and self._is_due():
                    os.truncate(path, int(path.stat().st_size * self._plan.share))
                if self._plan.spot in {"half written", "before fsync"}:
                    self._strike()
            real_sync(path)
            if self._plan.what in path.name and self._plan.spot == "before replace":
                self._strike()

        def sync_folder(folder: Path) -> None:
            if self._plan.spot == "before the folder's fsync" and current and self._plan.what in current[0].name:
                self._strike()
            real_sync_folder(folder)

        files._sync, files.sync_folder = sync, sync_folder


def wait_no_longer_than(seconds: float) -> None:
    """Processes wait for each other so long, and not ten minutes."""
    from gantool.training import session

    session._timeout_s = lambda _: seconds


def let_the_clock_jump() -> None:
    """``time.time`` runs a day ahead, then a day behind, by turns of a hundred calls."""
    real = time.time
    calls = 0

    def jumping() -> float:
        nonlocal calls
        calls += 1
        return real() + _CLOCK_JUMP_S * (1 if calls // 100 % 2 else -1)

    time.time = jumping


def take_samples(into: Path, every_steps: int) -> None:
    """Write down this process's memory and open files every few steps: ``steps resident_bytes descriptors``."""
    from gantool.training import loop

    steps = 0
    stream = into.open("w", encoding="utf-8", buffering=1)

    def sample(*_: Any) -> None:
        nonlocal steps
        if steps % every_steps == 0:
            pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
            descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the names alone
            stream.write(f"{steps} {pages * os.sysconf('SC_PAGE_SIZE')} {descriptors}\n")
        steps += 1

    _before(loop, "iterate", sample)


def _before(owner: Any, name: str, look: Callable[..., None]) -> None:
    """Call ``look`` with the arguments of ``owner.name`` each time before it."""
    real = getattr(owner, name)

    @functools.wraps(real)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        look(*arguments)
        return real(*arguments, **named)

    setattr(owner, name, wrapped)


def _through_entry() -> None:
    """The launcher starts ``python -m tests.faults.entry …`` in the place of ``python -m gantool …``."""
    from gantool.training import launch

    real = launch.subprocess.Popen

    def start(command: list[str], **named: Any) -> Any:
        return real(["tests.faults.entry" if part == "gantool" else part for part in command], **named)

    launch.subprocess.Popen = start
