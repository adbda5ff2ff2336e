"""``--processes N``: start N ranks on this machine, pass signals on, and leave none behind.

Each rank is the same command line again with the launcher's variables set, as ``torchrun`` would. When one rank
dies, the others are ended: a survivor would wait for it in an all-reduce.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from types import FrameType

from gantool import distributed

_GRACE_S = 30.0


def is_rank() -> bool:
    """Whether a launcher started this process as one of several."""
    return "RANK" in os.environ and "WORLD_SIZE" in os.environ


def run_ranks(processes: int, arguments: list[str]) -> int:
    """Run ``python -m gantool ARGUMENTS`` as ``processes`` ranks; returns the exit code of the first that failed.

    A rank that a signal killed counts as 128 + its number, as a shell has it.

    A signal to this process goes to all ranks, which agree on it and save.
    """
    port = _free_port()
    ranks = [_start(rank, processes, port, arguments) for rank in range(processes)]
    seen: list[int] = []

    def pass_on(number: int, _: FrameType | None) -> None:
        seen.append(number)
        for child in ranks:
            if child.poll() is None:
                child.send_signal(number)

    names = [name for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), pass_on) for name in names}
    try:
        return _wait(ranks)
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
        for child in ranks:
            child.kill()
            child.wait()


def follow_launcher() -> None:
    """In a rank of ours: end when the launcher is gone, however it went. (``torchrun`` sees to its own.)"""
    launcher = os.environ.get("GANTOOL_PARENT")
    if launcher is None:
        return
    distributed.die_with_parent()
    if launcher != str(os.getppid()):  # it died before we asked
        os._exit(1)


def _start(rank: int, processes: int, port: int, arguments: list[str]) -> subprocess.Popen[bytes]:
    threads = max(1, (os.cpu_count() or 1) // processes)
    environment = {
        **os.environ,
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(threads)),
        "GANTOOL_PARENT": str(os.getpid()),
    }
    command = [sys.executable, "-m", "gantool", *arguments]
    # A group of its own: Ctrl-C reaches the ranks once, through us, and not a second time from the terminal.
    return subprocess.Popen(command, env=environment, start_new_session=True)  # noqa: S603 - our own command line


def _wait(ranks: list[subprocess.Popen[bytes]]) -> int:
    """Until all have ended; once one has failed, the others get a grace period and are then killed."""
    deadline: float | None = None
    first_failure = 0
    while True:
        codes = [child.poll() for child in ranks]
        failures = [code for code in codes if code not in {None, 0}]
        if failures and deadline is None:
            first_failure = failures[0] or 0
            is_stop = first_failure in {130, 138, 143}  # saved on purpose: the others are about to end as well
            deadline = time.monotonic() + (_GRACE_S if is_stop else 2.0)
        if all(code is not None for code in codes):
            # A rank that met the fault itself says which; the others only saw the group break.
            known = [code for code in failures if code not in {1, None} and code > 0]
            first_failure = known[0] if known else first_failure
            return 128 - first_failure if first_failure < 0 else first_failure
        if deadline is not None and time.monotonic() > deadline:
            for child in ranks:
                child.kill()
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
