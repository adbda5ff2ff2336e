"""Working on many pictures at once, in order, with bounded memory.

Not `multiprocessing`: its spawned children import the caller's ``__main__`` again, which fails in a notebook and runs
an unguarded script twice. These children run `worker` alone, know only what they are sent, and end
when their input does. The outcome is the same for any number of them.
"""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, TypeVar, cast

from gantool.data.base import Raw, Source
from gantool.data.decode import BadPicture
from gantool.data.wire import BUFFER, Fault, Packed, packed, read_outcomes, write_request
from gantool.data.worker import Task
from gantool.errors import ResourceError, UsageError

ALONE_BELOW = 300
"""Fewer pictures than this are done before a second process has started."""

T = TypeVar("T")

_MOST_WORKERS = 16
_MOST_A_CORE, _ALWAYS_ALLOWED = 4, 64
_REQUEST_BYTES, _REQUEST_MOST = 4 << 20, 64
_AHEAD = 3
"""Requests under way per worker: one being worked on, one waiting, one being taken in."""
_AHEAD_BYTES = 64 << 20
"""No further request is made while those under way hold so many bytes of pictures."""

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""A worker is one of several: products of small matrices in more threads take five times the processor time."""


def most_workers() -> int:
    """So many processes may be asked for: each takes some 50 MB, and beyond a few a core they only wait."""
    return max(_ALWAYS_ALLOWED, _MOST_A_CORE * cores())


def require_workers(workers: int | None) -> None:
    """Refuse a number of processes that makes no sense, before anything is read.

    Raises:
        UsageError: for less than 1 or more than `most_workers`.
    """
    most = most_workers()
    if workers is None or 1 <= workers <= most:
        return
    if workers < 1:
        raise UsageError(f"--workers {workers}: at least 1")
    raise UsageError(
        f"--workers {workers}: at most {most} here ({_MOST_A_CORE} a core, or {_ALWAYS_ALLOWED} where that is more);"
        f" this process may use {cores()}: more processes only take memory"
    )


def raws_of(source: Source, numbers: Iterable[int]) -> Iterator[Raw | Fault]:
    """The pictures ``numbers`` of ``source``; a fault for one that cannot be taken out of it."""
    for number in numbers:
        try:
            raw: Raw | Fault = source.raw(number)
        except BadPicture as error:
            raw = Fault(str(error))
        yield raw


def work(
    raws: Iterable[Raw | Fault], task: Task[T], workers: int | None, count: int
) -> Generator[T | Fault, None, None]:
    """Do ``task`` with each picture: one outcome each, in their order. Closing the generator ends its processes.

    Args:
        raws: pictures, taken one by one as they are needed; a `Fault` among them is its own outcome.
        task: what to do.
        workers: processes; None takes as many as there are cores, or none at all for few pictures.
        count: about how many pictures there are.

    Raises:
        ResourceError: when a process died (most likely for want of memory).
    """
    if workers is None:
        workers = 1 if count < ALONE_BELOW else min(cores(), _MOST_WORKERS)
    if workers <= 1 or not sys.executable:
        yield from (raw if isinstance(raw, Fault) else task.run(raw, task.options) for raw in raws)
    else:
        yield from _in_parallel(_requests(raws, task, workers, count), task, workers)


def _in_parallel(requests: Iterator[_Request], task: Task[T], workers: int) -> Iterator[T | Fault]:
    with contextlib.ExitStack() as stack:
        idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        # Entered before the workers, so left after them: its threads end when the pipes they read from close.
        threads = stack.enter_context(ThreadPoolExecutor(workers, thread_name_prefix="pictures"))
        for _ in range(workers):
            idle.put(stack.enter_context(_Worker(task)))

        def ask(request: _Request) -> list[Any]:
            worker = idle.get()
            try:
                return request.merged(worker.ask(request) if request.pictures else [])
            finally:
                idle.put(worker)

        pending: deque[tuple[int, Future[list[Any]]]] = deque()
        stack.callback(lambda: [future.cancel() for _, future in pending])
        while True:
            while len(pending) < workers * _AHEAD and sum(size for size, _ in pending) < _AHEAD_BYTES:
                if (request := next(requests, None)) is None:
                    break
                pending.append((request.size, threads.submit(ask, request)))
            if not pending:
                return
            yield from pending.popleft()[1].result()


class _Request:
    """Pictures for one worker, and the outcomes of those among them that need none.

    Args:
        first: the place of its first picture among all.
    """

    def __init__(self, first: int) -> None:
        self.pictures: list[Packed] = []
        self.size = 0
        self._first = first
        self._ready: list[Any] = []

    def __len__(self) -> int:
        return len(self._ready)

    def add(self, raw: Raw | Fault, task: Task[Any]) -> None:
        """Take in one picture."""
        content = None if isinstance(raw, Fault) else packed(raw)
        if content is not None:
            self.pictures.append(content)
            self.size += len(content.body)
            self._ready.append(None)
        else:
            self._ready.append(raw if isinstance(raw, Fault) else task.run(raw, task.options))

    def merged(self, found: list[Any]) -> list[Any]:
        """All outcomes in order, ``found`` by the worker or ready before."""
        rest = iter(found)
        return [next(rest) if outcome is None else outcome for outcome in self._ready]

    def __str__(self) -> str:
        heads = [self.pictures[0].head, self.pictures[-1].head]
        places = (f"number {self._first + 1}", f"number {self._first + len(self)}")
        first, last = (head if isinstance(head, str) else place for head, place in zip(heads, places, strict=True))
        return f"{first} to {last}"


def _requests(raws: Iterable[Raw | Fault], task: Task[Any], workers: int, count: int) -> Iterator[_Request]:
    """Requests of a few MiB at most, and small enough that every worker gets some."""
    most = 4 if task.outcome_bytes is None else _REQUEST_BYTES // max(1, task.outcome_bytes)
    most = max(1, min(_REQUEST_MOST, most, count // (4 * workers)))
    request = _Request(0)
    for number, raw in enumerate(raws, start=1):
        request.add(raw, task)
        if len(request) >= most or request.size >= _REQUEST_BYTES:
            yield request
            request = _Request(number)
    if len(request):
        yield request


class _Worker:
    """One working process."""

    def __init__(self, task: Task[Any]) -> None:
        command = [sys.executable, "-P", "-c", "from gantool.data.worker import main; main()"]
        search = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        self._outcome = task.outcome
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module, no word of a user's
            command,
            bufsize=BUFFER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": search, **_ONE_THREAD},
            # Ctrl-C goes to the terminal's group: a worker must not die of it before it can ignore it.
            process_group=0 if os.name == "posix" else None,
        )
        self._requests = cast("IO[bytes]", self._process.stdin)
        self._answers = cast("IO[bytes]", self._process.stdout)
        with contextlib.suppress(BrokenPipeError):  # a worker that did not even start is found by `ask`
            self._requests.write(task.to_line())
            self._requests.flush()

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._requests, self._answers):
            with contextlib.suppress(OSError):
                stream.close()

    def ask(self, request: _Request) -> list[Any]:
        """The outcome of each picture of ``request``."""
        try:
            write_request(self._requests, request.pictures)
            return read_outcomes(self._answers, self._outcome)
        except (EOFError, BrokenPipeError):
            raise ResourceError(
                f"a decoding process ended (exit status {self._process.wait()}) while it read pictures from"
                f" {request}: most likely the machine has too little memory, or one of these"
                " files makes the decoder crash; move them away to find out"
            ) from None


def cores() -> int:
    """Cores that this process may use: a container often has fewer than the machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
