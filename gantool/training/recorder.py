"""What a run leaves to read: ``metrics.jsonl``, TensorBoard, sample grids. Rank 0 only.

Every value that comes from the wall clock lies under one key, ``clock``; the rest of ``metrics.jsonl`` is a function
of the config and is compared bit for bit.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantool.rundir import RunFolder

_LONGEST_LINE = 1 << 20
_BOARD_ENDS_WITHIN_S = 2.0


class Recorder:
    """Appends to a run's records, cut back to where its checkpoint stood.

    Args:
        run: the folder.
        lines: how many lines of ``metrics.jsonl`` the loaded checkpoint had seen.
        images_seen: its counter, so that TensorBoard drops what came after it.

    Attributes:
        lines: how many lines there are.
    """

    def __init__(self, run: RunFolder, *, lines: int, images_seen: int) -> None:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - a second of imports, for runs only

        self._path = run.metrics
        self._open(lines)
        self._others = _threads_of_boards()
        self._hook = threading.excepthook
        threading.excepthook = self._thread_failed
        try:
            self._board = SummaryWriter(str(run.tensorboard), purge_step=images_seen)
        except BaseException:
            self._give_back_the_hook()
            raise
        self._started = time.monotonic()
        self._last = (time.monotonic(), images_seen)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        try:
            self._stream.close()
        finally:
            try:
                self._board.close()
            finally:
                self._give_back_the_hook()

    def _thread_failed(self, arguments: threading.ExceptHookArgs) -> None:
        """TensorBoard's thread keeps a fault of the disk, and raises it again in ours: no need to print it too."""
        if not (_is_of_a_board(arguments.thread) and isinstance(arguments.exc_value, OSError)):
            self._hook(arguments)

    def _give_back_the_hook(self) -> None:
        """When TensorBoard's thread has ended: until then it may still fail."""
        for thread in _threads_of_boards() - self._others:
            thread.join(_BOARD_ENDS_WITHIN_S)
        threading.excepthook = self._hook

    def log(self, images_seen: int, values: Mapping[str, float], event: str = "log") -> dict[str, Any]:
        """Write one line and the scalars; returns the line."""
        known = {name: value if math.isfinite(value) else None for name, value in values.items()}  # JSON has no NaN
        line: dict[str, Any] = {"event": event, "images_seen": images_seen, **known}
        line["clock"] = self._clock(images_seen)
        self._write(line)
        for name, value in values.items():
            self._board.add_scalar(name, value, images_seen)
        self._board.add_scalar("images_per_second", line["clock"]["images_per_second"], images_seen)
        return line

    def event(self, images_seen: int, event: str, message: str) -> None:
        """Write one line that is no measurement: a rollback, an inexact resume."""
        self._write({"event": event, "images_seen": images_seen, "message": message, "clock": {"time": time.time()}})

    def picture(self, images_seen: int, picture: NDArray[np.uint8]) -> None:
        """Show a grid (H×W×C) in TensorBoard."""
        self._board.add_image("samples", picture, images_seen, dataformats="HWC")

    def cut_back(self, lines: int) -> None:
        """Forget what was written after the first ``lines`` lines: the run goes back to that moment."""
        self._stream.close()
        self._open(lines)

    def written(self) -> dict[str, Any]:
        """What a checkpoint keeps in mind of the log: how many lines, and the digest of all but their clock."""
        return {"metrics_lines": self.lines, "metrics_digest": self._digest.hexdigest()}

    def fault(self, checkpoint: Mapping[str, Any]) -> str:
        """In what way the log that was found is not the one that ``checkpoint``'s metadata speaks of; "" for none."""
        known, digest = int(checkpoint["metrics_lines"]), self._digest.hexdigest()
        if self.lines < known:
            return f"{self._path}: has lost {known - self.lines:,} of the {known:,} lines that the checkpoint knew"
        if checkpoint.get("metrics_digest", digest) != digest:
            return f"{self._path}: its first {known:,} lines are not those that the checkpoint knew (damaged or edited)"
        return ""

    def _open(self, lines: int) -> None:
        self.lines, self._digest = _cut_back(self._path, lines)
        self._stream = self._path.open("a", encoding="utf-8", newline="\n")

    def sync(self) -> None:
        """Make what was written durable: a checkpoint must never count lines that a power cut can take."""
        self._stream.flush()
        os.fsync(self._stream.fileno())

    def _write(self, line: dict[str, Any]) -> None:
        text = json.dumps(line) + "\n"
        self._stream.write(text)
        self._stream.flush()
        self._digest.update(_timeless(text.encode()))
        self.lines += 1

    def _clock(self, images_seen: int) -> dict[str, float]:
        now = time.monotonic()
        then, seen = self._last
        self._last = (now, images_seen)
        speed = (images_seen - seen) / max(now - then, 1e-9)
        return {"time": time.time(), "elapsed": now - self._started, "images_per_second": speed}


def _is_of_a_board(thread: threading.Thread | None) -> bool:
    return type(thread).__module__.startswith("tensorboard.")


def _threads_of_boards() -> set[threading.Thread]:
    return set(filter(_is_of_a_board, threading.enumerate()))


def _cut_back(path: Path, lines: int) -> tuple[int, hashlib._Hash]:
    """Keep the first ``lines`` whole lines of a file; returns how many there are, and their digest so far."""
    path.touch()
    kept, end, digest = 0, 0, hashlib.sha256()
    with path.open("r+b") as stream:
        while kept < lines and (line := stream.readline(_LONGEST_LINE)).endswith(b"\n"):
            digest.update(_timeless(line) if _has_clock(line) else line)
            kept, end = kept + 1, stream.tell()
        stream.truncate(end)
    return kept, digest


def _has_clock(line: bytes) -> bool:
    """Whether what follows the timeless part is what we write: a damaged clock makes the line unreadable."""
    try:
        return isinstance(json.loads(line.rpartition(b', "clock": ')[2].rstrip()[:-1]), dict)
    except (ValueError, RecursionError):
        return False


def _timeless(line: bytes) -> bytes:
    """A line up to its clock, which is its last key: what a run that is repeated writes again."""
    return line.rpartition(b', "clock": ')[0] or line
