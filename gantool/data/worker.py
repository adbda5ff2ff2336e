"""A working process: pictures in, what was found in them out, until its input ends.

Started by `workers`. First it reads its task, then requests, and answers each of them in full. It holds one request in
memory and nothing else.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from gantool.data.decode import BadPicture, Options, Picture, decode_raw
from gantool.data.raw import Raw
from gantool.data.wire import BUFFER, Fault, as_tuples, read_request, write_outcomes

__all__ = ["Fault", "Task", "decode", "decoding", "main"]

T = TypeVar("T")


@dataclass(frozen=True)
class Task(Generic[T]):
    """What is to be done with each picture. All of it is found again by its name in another process.

    Attributes:
        run: a function of a module; it is given a picture and ``options``.
        options: a named tuple of plain values that JSON has.
        outcome: what ``run`` gives where it gives no `Fault`: a named tuple of at least two fields, each a uint8 array
            of any shape, None, or a value that JSON has (lists come back as tuples).
        outcome_bytes: about how many bytes of arrays an outcome holds; None where that cannot be said.
        several: does the same with several pictures, where that is quicker than one after the other.
    """

    run: Callable[[Raw, Any], T | Fault]
    options: Any
    outcome: type[T]
    outcome_bytes: int | None = None
    several: Callable[[Sequence[Raw], Any], Sequence[T | Fault]] | None = None

    def run_all(self, raws: Sequence[Raw]) -> Sequence[T | Fault]:
        """One outcome a picture, in their order."""
        if self.several is not None:
            return self.several(raws, self.options)
        return [self.run(raw, self.options) for raw in raws]

    def to_line(self) -> bytes:
        """The task as a line that `task_from` reads."""
        things = (self.run, type(self.options), self.outcome, self.several)
        names = [thing and [thing.__module__, thing.__qualname__] for thing in things]
        return json.dumps([*names, list(self.options)]).encode("ascii") + b"\n"


def task_from(line: bytes) -> Task[Any]:
    """What `Task.to_line` wrote."""
    *names, options = json.loads(line)
    run, kind, outcome, several = (name and getattr(importlib.import_module(name[0]), name[1]) for name in names)
    return Task(run, kind(*as_tuples(options)), outcome, several=several)


def decode(raw: Raw, options: Options) -> Picture | Fault:
    """The picture, or what is wrong with it."""
    try:
        return decode_raw(raw, options)
    except BadPicture as error:
        return Fault(str(error))


def decoding(options: Options) -> Task[Picture]:
    """The task of decoding pictures."""
    return Task(decode, options, Picture, options.pixel_bytes)


def main() -> None:
    """Serve requests until the input ends (also when the parent was killed)."""
    # A signal to the whole process group is the parent's to answer: it closes our input when it leaves.
    for name in ("SIGINT", "SIGTERM", "SIGUSR1"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    requests = sys.stdin.buffer
    with os.fdopen(sys.stdout.fileno(), "wb", BUFFER, closefd=False) as answers:
        if not (line := requests.readline()):
            return  # the parent ended before it said what to do
        task = task_from(line)
        try:
            while True:
                write_outcomes(answers, task.run_all(read_request(requests)))
        except EOFError:
            return
        except BrokenPipeError:  # the parent was killed: nobody is there to be told
            os.dup2(os.open(os.devnull, os.O_WRONLY), answers.fileno())
