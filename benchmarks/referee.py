"""Contenders in processes of their own, that take turns: nobody's memory settings or libraries help or hurt another.

A contender reads a number of iterations from a line, runs them, and prints the seconds. Between turns it waits on its
input and costs nothing.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from gantool.bench.contest import Spread, take_turns, times_faster

ROUNDS = 7
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Contender:
    """Who takes part.

    Attributes:
        name: as the table shows it.
        command: what starts it.
        processes: how many of it run as one (a process group that divides the batch).
        threads: of each process.
    """

    name: str
    command: Sequence[str]
    processes: int = 1
    threads: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))


def ours(role: str, work: str, *more: str, processes: int = 1, threads: int | None = None, name: str = "") -> Contender:
    """A contender of `benchmarks.contenders`."""
    command = [sys.executable, "-m", "benchmarks.contenders", role, work, *more]
    told = {} if threads is None else {"threads": threads}
    return Contender(name or " ".join([role, *more]), command, processes, **told)


class Running:
    """A contender's processes."""

    def __init__(self, contender: Contender, port: int) -> None:
        self._processes = [_start(contender, rank, port) for rank in range(contender.processes)]

    def turn(self, iterations: int) -> float:
        """The seconds of the slowest process."""
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write(f"{iterations}\n")
            process.stdin.flush()
        with ThreadPoolExecutor(len(self._processes)) as pool:
            return max(pool.map(_answer, self._processes))

    def stop(self) -> None:
        """End the processes."""
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.close()
        for process in self._processes:
            process.wait()


@contextlib.contextmanager
def running(contenders: Sequence[Contender]) -> Iterator[dict[str, Running]]:
    """All of them, waiting for their turns."""
    started = {}
    try:
        for place, contender in enumerate(contenders):
            started[contender.name] = Running(contender, 29_700 + place)
        yield started
    finally:
        for process in started.values():
            process.stop()


def contest(
    contenders: Sequence[Contender], *, rounds: int = ROUNDS, turn_s: float = 1.0, multiple: int = 1
) -> dict[str, list[float]]:
    """Seconds an iteration by contender, one number a round."""
    with running(contenders) as started:
        turns = {name: process.turn for name, process in started.items()}
        return take_turns(turns, rounds=rounds, multiples=dict.fromkeys(turns, multiple), turn_s=turn_s)


def show(title: str, seconds: Mapping[str, Sequence[float]]) -> None:
    """Print each contender's time, and how many times faster every other one is than it."""
    print(f"\n{title}")
    names = list(seconds)
    width = max(map(len, names))
    for name in names:
        own = Spread.of(seconds[name])
        ratios = ", ".join(f"{other} {_ratio(times_faster(seconds, other)[name])}" for other in names if other != name)
        print(f"  {name:<{width}}  {own.median * 1e3:8.1f} ms   times as fast as: {ratios}", flush=True)


def _ratio(spread: Spread) -> str:
    return f"{spread.median:.2f} ({spread.least:.2f}-{spread.most:.2f})"


def _start(contender: Contender, rank: int, port: int) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": str(contender.threads)}
    if contender.processes > 1:
        environment |= {
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "WORLD_SIZE": str(contender.processes),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
        }
    return subprocess.Popen(
        contender.command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def _answer(process: subprocess.Popen[str]) -> float:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"{' '.join(map(str, process.args))}: ended with {process.wait()}")  # type: ignore[arg-type]
    return float(line)
