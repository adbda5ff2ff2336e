"""Processes that are started again find each other, and not what those before them left in the store."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
import torch.distributed as dist

from gantool import meeting
from gantool.errors import RankLostError, StoppedBySignal
from tests.training.helpers import tiny

WORLD = 3
PATIENCE_S = 20.0
AGENT = "TORCHELASTIC_USE_AGENT_STORE"


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> dist.TCPStore:
    """The store that outlives the workers."""
    store = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", str(store.port))
    monkeypatch.setenv(AGENT, "True")
    return store


class Process:
    """One of ``WORLD``, played by a thread; ``die`` ends it wherever it waits."""

    def __init__(self, rank: int, patience_s: float = PATIENCE_S) -> None:
        self._dead = threading.Event()
        self._found: Future[str] = Future()
        self._place = meeting.Place(rank, WORLD, patience_s, lambda: signal.SIGKILL if self._dead.is_set() else 0)
        self._thread = threading.Thread(target=self._come, daemon=True)
        self._thread.start()

    def _come(self) -> None:
        try:
            self._found.set_result(meeting.name_of_this_life(meeting.main_store(self._place), self._place))
        except BaseException as error:  # a test asks for it
            self._found.set_exception(error)

    def die(self) -> None:
        self._dead.set()
        with pytest.raises(StoppedBySignal):
            self.name()

    def name(self) -> str:
        return self._found.result(timeout=2 * PATIENCE_S)


def a_life(late: int = 0) -> set[str]:
    """All meet, one of them later than the others. Returns the names they found."""
    processes = [Process(rank) for rank in range(WORLD) if rank != late]
    time.sleep(0.2)
    return {process.name() for process in [*processes, Process(late)]}


def until(store: dist.TCPStore, rank: int, *, answered: bool = False) -> None:
    """Until the process of that rank has written its token, or been answered and confirmed it."""
    while not store.check([f"gantool/token of rank {rank}"]):
        time.sleep(0.01)
    token = store.get(f"gantool/token of rank {rank}").decode()
    while answered and not store.check([f"gantool/answer to {token}"]):
        time.sleep(0.01)
    time.sleep(0.2)  # it asks again every 50 ms


def test_every_life_has_one_name_of_its_own(agent: dist.TCPStore) -> None:
    lives = [a_life(late) for late in (0, 1, 2, 1, 0)]
    assert [len(names) for names in lives] == [1] * len(lives)
    assert len(set.union(*lives)) == len(lives)


def test_who_dies_before_it_is_answered_is_waited_for_again(agent: dist.TCPStore) -> None:
    first = Process(1)
    until(agent, 1)
    first.die()
    assert len(a_life(late=1)) == 1


def test_who_dies_after_it_confirmed_is_waited_for_again(agent: dist.TCPStore) -> None:
    zero, first = Process(0), Process(1)
    until(agent, 1, answered=True)
    first.die()
    assert len({process.name() for process in (zero, Process(1), Process(2))}) == 1


def test_of_a_new_rank_0_those_hear_who_had_confirmed(agent: dist.TCPStore) -> None:
    zero, first = Process(0), Process(1)
    until(agent, 1, answered=True)
    zero.die()
    assert len({process.name() for process in (Process(0), first, Process(2))}) == 1


def test_what_one_life_wrote_the_next_does_not_read(agent: dist.TCPStore) -> None:
    first, second = (meeting.part_of(agent, *a_life()) for _ in range(2))
    first.set("address of rank 1", "127.0.0.1:9")
    assert first.check(["address of rank 1"])
    assert not second.check(["address of rank 1"])


def test_the_last_word_of_a_dead_watchdog_is_not_passed_on(agent: dist.TCPStore) -> None:
    agent.set("exception_dump", "rank 1 of the life before hangs")  # nccl reads it beside all prefixes
    a_life()
    assert not agent.check(["exception_dump"])


@pytest.mark.parametrize(
    ("absent", "named"),
    [
        ((1, 2), {0: "rank 1, rank 2"}),
        ((2,), {0: "rank 2", 1: "the others"}),
        ((0,), {1: "rank 0", 2: "rank 0"}),
    ],
)
def test_who_does_not_come_is_named(agent: dist.TCPStore, absent: tuple[int, ...], named: dict[int, str]) -> None:
    present = {rank: Process(rank, patience_s=0.5) for rank in range(WORLD) if rank not in absent}
    for rank, process in present.items():
        with pytest.raises(RankLostError, match=rf"^waited 0 s for {named[rank]}, in vain: .*:{agent.port}, where"):
            process.name()
    assert named.keys() == present.keys()


MEMBER = """
import torch
from gantool import distributed
from gantool.errors import GantoolError
try:
    with distributed.process_group(torch.device("cpu"), {patience}):
        print("together", distributed.rank(), distributed.world_size(), int(distributed.agree(distributed.rank())))
except GantoolError as error:
    print(type(error).__name__, error)
"""


def members(ranks: range, patience_s: float) -> list[str]:
    """What real processes say, each of which joins the group and leaves it again."""

    def say(rank: int) -> str:
        variables = ("env", f"RANK={rank}", f"LOCAL_RANK={rank}", f"WORLD_SIZE={WORLD}")
        command = [*variables, sys.executable, "-c", MEMBER.format(patience=patience_s)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    with ThreadPoolExecutor(len(ranks)) as pool:
        return list(pool.map(say, ranks))


@pytest.mark.parametrize("kept_by", ["agent", "rank 0"])
def test_real_processes_form_a_group(agent: dist.TCPStore, kept_by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if kept_by == "rank 0":
        monkeypatch.delenv(AGENT)
        monkeypatch.setenv("MASTER_PORT", str(a_free_port()))
    assert members(range(WORLD), 60.0) == [f"together {rank} {WORLD} {WORLD - 1}\n" for rank in range(WORLD)]


def test_where_one_is_missing_everyone_says_so(agent: dist.TCPStore) -> None:
    said = members(range(WORLD - 1), 15.0)
    assert [line.split(",")[0] for line in said] == [
        "RankLostError waited 15 s for rank 2",
        "RankLostError waited 15 s for the others",
    ]


def test_an_address_where_nobody_listens_is_named(agent: dist.TCPStore, monkeypatch: pytest.MonkeyPatch) -> None:
    port = a_free_port()
    monkeypatch.setenv("MASTER_PORT", str(port))
    (said,) = members(range(1, 2), 1.0)
    assert said.startswith(f"RankLostError the processes did not come together at 127.0.0.1:{port} (")


def test_a_signal_ends_the_waiting(tmp_path: Path) -> None:
    config, port = tmp_path / "tiny.yaml", a_free_port()
    config.write_text(tiny().to_yaml())
    variables = {
        "RANK": "0",
        "LOCAL_RANK": "0",
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    command = [sys.executable, "-m", "gantool", "train", str(config), "--run-dir", str(tmp_path / "run")]
    alone = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **variables})
    store = dist.TCPStore("127.0.0.1", port, is_master=False, wait_for_workers=False)  # it is there once rank 0 is
    store.set("gantool/token of rank 1", "of one that never confirms")
    store.wait(["gantool/answer to of one that never confirms"])
    alone.terminate()
    _, said = alone.communicate()
    assert said == "gantool: stopped while it waited for rank 1; nothing was lost\n"
    assert alone.returncode == 128 + signal.SIGTERM


def a_free_port() -> int:
    """One where nothing listens now."""
    return int(dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False).port)
