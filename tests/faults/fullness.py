"""A disk that takes no more, from the n-th write on: every call of this process that writes is counted.

Counted are opening a file to write, each write to it, fsync, truncate, rename, making a folder, and safetensors' own
writing, which leaves a part of the file and raises its own error, as it does on a real disk.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults.plans import Plan

_CALLS = ("write", "fsync", "ftruncate", "truncate", "replace", "mkdir")
_FILLER = "filler"


class FullDisk:
    """Counts the writing calls, and fails those that the plan is about.

    Args:
        plan: from which call on the disk is full (0: never), and whether it stays so.
        tally: where the number of calls is written in the end, and what each was.
    """

    def __init__(self, plan: Plan, tally: Path | None) -> None:
        self._first = plan.images
        self._stays = plan.share > 0
        self._tally = None if tally is None else os.open(tally, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._real_write = os.write
        self._calls = 0

    def call(self, what: str) -> None:
        """One more call.

        Raises:
            OSError: ``ENOSPC``, when its turn has come.
        """
        self._calls += 1
        if self._tally is not None:
            self._real_write(self._tally, f"{what}\n".encode())
        if 0 < self._first <= self._calls and (self._stays or self._calls == self._first):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def set(self) -> None:
        """Wrap everything that writes."""
        for name in _CALLS:
            self._wrap(os, name, lambda *arguments, name=name: f"{name} {_shown(arguments)}")
        self._wrap_open()
        self._wrap_safetensors()

    def _wrap(self, owner: Any, name: str, describe: Callable[..., str]) -> None:
        real = getattr(owner, name)

        def wrapped(*arguments: Any, **named: Any) -> Any:
            self.call(describe(*arguments))
            return real(*arguments, **named)

        setattr(owner, name, wrapped)

    def _wrap_open(self) -> None:
        real = io.open

        def opened(file: Any, mode: str = "r", buffering: int = -1, *rest: Any, **named: Any) -> Any:
            if not (set(mode) & set("wax+") and isinstance(file, str | bytes | os.PathLike)):
                return real(file, mode, buffering, *rest, **named)
            self.call(f"open {file}")
            raw = _CountedFile(file, mode.replace("b", "").replace("t", ""), self)
            if buffering == 0:
                return raw
            stream = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
            return stream if "b" in mode else io.TextIOWrapper(stream, *rest, **named)

        io.open = builtins.open = opened  # type: ignore[assignment]

    def _wrap_safetensors(self) -> None:
        from safetensors import SafetensorError

        from gantool.training import checkpoint

        real = checkpoint.save_file

        def save(tensors: Any, path: Path, metadata: Any = None) -> None:
            real(tensors, path, metadata=metadata)
            try:
                self.call(f"save {path}")
            except OSError as error:
                os.truncate(path, path.stat().st_size // 2)
                raise SafetensorError(f"I/O error: {error.strerror} (os error {error.errno})") from None

        checkpoint.save_file = save


class _CountedFile(io.FileIO):
    """A file each of whose writes is counted."""

    def __init__(self, file: Any, mode: str, disk: FullDisk) -> None:
        super().__init__(file, mode)
        self._disk = disk

    def write(self, content: Any, /) -> int:
        self._disk.call(f"write {self.name}")
        return super().write(content)

    def truncate(self, size: int | None = None, /) -> int:
        self._disk.call(f"truncate {self.name}")
        return super().truncate(size)


def fill(folder: Path) -> None:
    """Leave not a byte of the disk that ``folder`` is on."""
    with (folder / _FILLER).open("wb", buffering=0) as stream:
        size = 1 << 16
        while size:
            try:
                stream.write(bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                size //= 2


def make_room(folder: Path) -> None:
    """Take away what `fill` wrote."""
    (folder / _FILLER).unlink()


def _shown(arguments: tuple[Any, ...]) -> str:
    return " ".join(str(argument) for argument in arguments if isinstance(argument, str | int | os.PathLike))
