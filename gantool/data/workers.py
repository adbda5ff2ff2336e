"""Decoding many files at once, in order, with bounded memory.

Not `multiprocessing`: its spawned children import the caller's ``__main__`` again, which fails in a notebook and runs
an unguarded script twice. These children run `worker` alone, know only what they are sent, and end
when their input does. The outcome is the same for any number of them.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import subprocess
import sys
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, cast

from gantool.data.base import DEPTH
from gantool.data.decode import Options, Picture
from gantool.data.worker import Fault, decode, read_answer
from gantool.errors import ResourceError

ALONE_BELOW = 300
"""Fewer pictures than this are decoded before a second process has started."""

_MOST_WORKERS = 16
_REQUEST_BYTES, _REQUEST_MOST = 4 << 20, 64
_AHEAD = 3
"""Requests under way per worker: one being decoded, one waiting, one being taken in."""


def decode_files(
    paths: Sequence[Path], options: Options, workers: int | None = None
) -> Generator[Picture | Fault, None, None]:
    """Decode ``paths``: one outcome each, in their order. Closing the generator ends its processes.

    Args:
        paths: picture files.
        options: how to store them.
        workers: processes; None takes as many as there are cores, or none at all for few pictures.

    Raises:
        ResourceError: when a decoding process died (most likely for want of memory).
    """
    if workers is None:
        workers = 1 if len(paths) < ALONE_BELOW else min(_cores(), _MOST_WORKERS)
    if workers <= 1 or not sys.executable:
        yield from (decode(path, options) for path in paths)
    else:
        yield from _in_parallel(paths, options, workers)


def _in_parallel(paths: Sequence[Path], options: Options, workers: int) -> Iterator[Picture | Fault]:
    requests = _requests(paths, options)
    with contextlib.ExitStack() as stack:
        idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        # Entered before the workers, so left after them: its threads end when the pipes they read from close.
        threads = stack.enter_context(ThreadPoolExecutor(workers, thread_name_prefix="decode"))
        for _ in range(workers):
            idle.put(stack.enter_context(_Worker(options)))

        def ask(request: list[str]) -> list[Picture | Fault]:
            worker = idle.get()
            try:
                return worker.ask(request)
            finally:
                idle.put(worker)

        pending: deque[Future[list[Picture | Fault]]] = deque()
        stack.callback(lambda: [future.cancel() for future in pending])
        for request in itertools.islice(requests, workers * _AHEAD):
            pending.append(threads.submit(ask, request))
        while pending:
            outcomes = pending.popleft().result()
            for request in itertools.islice(requests, 1):
                pending.append(threads.submit(ask, request))
            yield from outcomes


def _requests(paths: Iterable[Path], options: Options) -> Iterator[list[str]]:
    """Lists of paths whose pixels together stay within a few MiB."""
    count = 4
    if options.size is not None:
        height, width = options.size
        count = max(1, min(_REQUEST_MOST, _REQUEST_BYTES // (height * width * DEPTH[options.channels])))
    rest = iter(paths)
    while request := [str(path) for path in itertools.islice(rest, count)]:
        yield request


class _Worker:
    """One decoding process."""

    def __init__(self, options: Options) -> None:
        command = [sys.executable, "-P", "-c", "from gantool.data.worker import main; main()"]
        search = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module, no word of a user's
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": search},
            # Ctrl-C goes to the terminal's group: a worker must not die of it before it can ignore it.
            process_group=0 if os.name == "posix" else None,
        )
        self._requests = cast("IO[bytes]", self._process.stdin)
        self._answers = cast("IO[bytes]", self._process.stdout)
        with contextlib.suppress(BrokenPipeError):  # a worker that did not even start is found by `ask`
            self._send(options._asdict())

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._requests, self._answers):
            with contextlib.suppress(OSError):
                stream.close()

    def ask(self, request: list[str]) -> list[Picture | Fault]:
        """The outcome of each path of ``request``."""
        try:
            self._send(request)
            return read_answer(self._answers)
        except (EOFError, BrokenPipeError):
            raise ResourceError(
                f"a decoding process ended (exit status {self._process.wait()}) while it read pictures from"
                f" {request[0]} to {request[-1]}: most likely the machine has too little memory, or one of these"
                " files makes the decoder crash; move them away to find out"
            ) from None

    def _send(self, message: object) -> None:
        self._requests.write(json.dumps(message).encode("ascii") + b"\n")
        self._requests.flush()


def _cores() -> int:
    """Cores that this process may use: a container often has fewer than the machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
