"""A decoding process: one line of JSON in, one line of JSON and raw pixels out, until its input ends.

Started by `workers`. First it reads its `Options`, then requests: lists of paths.
For each it answers one line, a list with one entry a path ([reason] for a fault), followed by the pixels of all
pictures that have any. It holds one request in memory and nothing else.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gantool.data.decode import BadPicture, Options, Picture, decode_file


class Fault(NamedTuple):
    """Why a picture cannot be used."""

    reason: str


def decode(path: Path, options: Options) -> Picture | Fault:
    """The picture in ``path``, or what is wrong with it."""
    try:
        return decode_file(path, options)
    except BadPicture as error:
        return Fault(str(error))


def write_answer(stream: IO[bytes], outcomes: list[Picture | Fault]) -> None:
    """Send ``outcomes`` in order."""
    head: list[Any] = []
    for outcome in outcomes:
        if isinstance(outcome, Fault):
            head.append([outcome.reason])
        else:
            shape = None if outcome.pixels is None else outcome.pixels.shape
            head.append([shape, *outcome[1:]])
    stream.write(json.dumps(head).encode("ascii") + b"\n")
    for outcome in outcomes:
        if isinstance(outcome, Picture) and outcome.pixels is not None:
            stream.write(outcome.pixels.data)
    stream.flush()


def read_answer(stream: IO[bytes]) -> list[Picture | Fault]:
    """What `write_answer` sent.

    Raises:
        EOFError: when the other side has ended.
    """
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    outcomes: list[Picture | Fault] = []
    for entry in json.loads(line):
        if len(entry) == 1:
            outcomes.append(Fault(entry[0]))
            continue
        shape, height, width, sha256, animated, extent = entry
        pixels = None if shape is None else _read_pixels(stream, shape)
        extent = None if extent is None else (extent[0], extent[1])
        outcomes.append(Picture(pixels, height, width, sha256, animated, extent))
    return outcomes


def _read_pixels(stream: IO[bytes], shape: list[int]) -> NDArray[np.uint8]:
    height, width, depth = shape
    content = stream.read(height * width * depth)
    if len(content) != height * width * depth:
        raise EOFError
    return np.frombuffer(content, np.uint8).reshape(height, width, depth)


def options_from(fields: dict[str, Any]) -> Options:
    """`Options` from their JSON, where pairs are lists."""
    plain: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
    return Options(**plain)


def main() -> None:
    """Serve requests until the input ends (also when the parent was killed)."""
    # A signal to the whole process group is the parent's to answer: it closes our input when it leaves.
    for name in ("SIGINT", "SIGTERM", "SIGUSR1"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    options = options_from(json.loads(requests.readline()))
    try:
        for line in requests:
            write_answer(answers, [decode(Path(path), options) for path in json.loads(line)])
    except BrokenPipeError:  # the parent was killed: nobody is there to be told
        os.dup2(os.open(os.devnull, os.O_WRONLY), answers.fileno())
