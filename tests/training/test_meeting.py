"""Processes that torchrun starts again find each other, and not what those before them left in the store."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch.distributed as dist

from gantool import meeting
from gantool.errors import RankLostError

WORLD = 3


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> dist.TCPStore:
    """The store that outlives the workers."""
    store = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", str(store.port))
    return store


def a_life(late: int) -> set[str]:
    """All meet, one of them later than the others. Returns the names they found."""

    def come(rank: int) -> str:
        if rank == late:
            time.sleep(0.3)
        return meeting.name_of_this_life(meeting.client(20.0), rank, WORLD, 20.0)

    with ThreadPoolExecutor(WORLD) as ranks:
        return set(ranks.map(come, range(WORLD)))


def test_every_life_has_one_name_of_its_own(agent: dist.TCPStore) -> None:
    lives = [a_life(late) for late in (0, 1, 2, 1, 0)]
    assert [len(names) for names in lives] == [1] * len(lives)
    assert len(set.union(*lives)) == len(lives)


def test_a_life_that_broke_off_while_they_met_is_no_hindrance(agent: dist.TCPStore) -> None:
    with pytest.raises(RankLostError):  # rank 1 came and wrote its token, rank 0 died before it answered
        meeting.name_of_this_life(meeting.client(1.0), 1, WORLD, 0.1)
    assert len(a_life(late=1)) == 1


def test_what_one_life_wrote_the_next_does_not_read(agent: dist.TCPStore) -> None:
    first, second = (meeting.client(0.2, *a_life(late=0)) for _ in range(2))
    first.set("address of rank 1", "127.0.0.1:9")
    assert first.check(["address of rank 1"])
    assert not second.check(["address of rank 1"])


@pytest.mark.parametrize(("absent", "named"), [((1, 2), "rank 1, rank 2"), ((2,), "rank 2"), ((0,), "rank 0")])
def test_who_does_not_come_is_named(agent: dist.TCPStore, absent: tuple[int, ...], named: str) -> None:
    said: dict[int, str] = {}

    def come(rank: int) -> None:
        try:
            meeting.name_of_this_life(meeting.client(5.0), rank, WORLD, 0.5)
        except RankLostError as error:
            said[rank] = str(error)

    present = [threading.Thread(target=come, args=(rank,)) for rank in range(WORLD) if rank not in absent]
    for process in present:
        process.start()
    for process in present:
        process.join()
    asked = said[min(said)]
    assert f"for {named}, in vain" in asked
    assert f"127.0.0.1:{agent.port}" in asked
