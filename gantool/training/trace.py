"""``--profile N``: what N iterations were spent on, as a trace that a browser opens and as a table."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from types import TracebackType

import torch
from torch.profiler import ProfilerActivity, profile, record_function, schedule

from gantool import files
from gantool.rundir import RunFolder
from gantool.training.phases import watched_by

_SKIPPED, _WARM_UP = 2, 3
_ROWS = 30


class Trace:
    """Watches the first iterations of a run, past those that set things up.

    Args:
        run: the folder; ``profile/trace.json`` and ``profile/operations.txt`` go there.
        iterations: how many to record; they are slower for it.
        say: told where the files are.
    """

    def __init__(self, run: RunFolder, iterations: int, say: Callable[[str], None]) -> None:
        self._folder = run.path / "profile"
        self._say = say
        self._left = _SKIPPED + _WARM_UP + iterations
        activities = [ProfilerActivity.CPU]
        if torch.cuda.is_available():
            activities.append(ProfilerActivity.CUDA)
        self._profile = profile(
            activities=activities,
            schedule=schedule(wait=_SKIPPED, warmup=_WARM_UP, active=iterations, repeat=1),
            on_trace_ready=self._write,
            record_shapes=True,
        )
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Trace:
        self._stack.enter_context(watched_by(record_function))
        self._stack.enter_context(self._profile)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stack.close()

    def step(self) -> None:
        """Count an iteration; what was recorded is written after the last one."""
        if self._left:
            self._left -= 1
            self._profile.step()
            if not self._left:
                self._stack.close()

    def _write(self, recorded: profile) -> None:
        self._folder.mkdir(exist_ok=True)
        trace, table = self._folder / "trace.json", self._folder / "operations.txt"
        recorded.export_chrome_trace(str(trace))
        by = "self_cuda_time_total" if torch.cuda.is_available() else "self_cpu_time_total"
        files.write_text(table, recorded.key_averages().table(sort_by=by, row_limit=_ROWS) + "\n")
        self._say(f"profile: {trace} (open it at ui.perfetto.dev) and {table}")
