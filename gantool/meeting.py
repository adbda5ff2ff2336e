"""Where the processes of one life meet: under a name in their store that no life before has used.

A store may outlive the processes that wrote into it: ``torchrun``'s agent keeps one for all the lives of its workers
(pytorch issue 135712), and rank 0's stays when another process is started again. torch writes under the same names each
time, so a process may read at which address another one listened before it was killed, and wait there for ever. The
agent's count of restarts cannot tell lives apart: on several machines each agent counts its own (pytorch issue
108158). So the processes agree on a name themselves.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import torch.distributed as dist

from gantool.errors import RankLostError, StoppedBySignal

if TYPE_CHECKING:
    from torch._C._distributed_c10d import Store, TCPStore

_ASK_AGAIN_S = 0.05
_WORD_OF_NCCL = "exception_dump"
"""nccl's watchdogs end a process where they find this key, beside all prefixes: it must not be that of the dead."""


class Place(NamedTuple):
    """Where a process stands, and how long it waits.

    Attributes:
        rank: its number.
        world: how many there are.
        timeout_s: how long it waits for the others.
        stop: the number of the signal that asked it to end, 0 without one.
    """

    rank: int
    world: int
    timeout_s: float
    stop: Callable[[], int]


def address() -> str:
    """Where the launcher says that the processes meet."""
    return f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"


def store_at_address(timeout_s: float, *, keep: bool = False) -> TCPStore:
    """The store at the launcher's address; with ``keep`` it is this process that keeps it.

    Raises:
        RuntimeError: when nothing answers there within ``timeout_s``. (One whose keeper is stopped is waited for.)
    """
    return dist.TCPStore(  # type: ignore[attr-defined]
        os.environ["MASTER_ADDR"],
        int(os.environ["MASTER_PORT"]),
        is_master=keep,
        wait_for_workers=False,
        timeout=timedelta(seconds=timeout_s),
        multi_tenant=keep,
    )


def part_of(store: Store, name: str) -> Store:
    """The keys of ``store`` below ``name``."""
    return dist.PrefixStore(name, store)  # type: ignore[attr-defined]


def main_store(place: Place) -> TCPStore:
    """The store they all meet at: ``torchrun``'s agent keeps it, else rank 0 does."""
    agent_keeps_it = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    return store_at_address(place.timeout_s, keep=place.rank == 0 and not agent_keeps_it)


def name_of_this_life(store: TCPStore, place: Place) -> str:
    """A name that only the processes alive now share. Every one of them calls this, and waits for the others.

    Each but rank 0 writes down a token that was never used before. Rank 0 answers every token that it finds, those of
    the dead too, with the name of this life; who reads the answer confirms it by the token. When the tokens that
    stand there now are confirmed, all at once, rank 0 says that the life is complete, and not before does anyone
    leave: one that dies meanwhile is waited for again, and of a new rank 0 all hear a new name.

    Raises:
        RankLostError: names the processes that did not come.
        StoppedBySignal: when this one was asked to end.
    """
    return _gather(store, place) if place.rank == 0 else _come(store, place)


def _gather(store: TCPStore, place: Place) -> str:
    life, answered = f"gantool/{uuid.uuid4().hex}", set[str]()
    others = range(1, place.world)

    def has_come(number: int) -> bool:
        token = _read(store, _token(number))
        if token and token not in answered:
            store.set(_answer(token), life)
            answered.add(token)
        return bool(token) and _read(store, _confirmed(life, number)) == token

    deadline = time.monotonic() + place.timeout_s
    while missing := [number for number in others if not has_come(number)]:
        _wait(place, deadline, ", ".join(f"rank {number}" for number in missing))
    store.delete_key(_WORD_OF_NCCL)
    store.set(_complete(life), "")
    return life


def _come(store: TCPStore, place: Place) -> str:
    token, life = uuid.uuid4().hex, ""
    store.set(_token(place.rank), token)
    deadline = time.monotonic() + place.timeout_s
    while not (life and store.check([_complete(life)])):
        heard = _read(store, _answer(token))
        if heard != life:
            life = heard
            store.set(_confirmed(life, place.rank), token)
        else:
            _wait(place, deadline, "the others" if life else "rank 0")
    return life


def _wait(place: Place, deadline: float, absent: str) -> None:
    if number := place.stop():
        raise StoppedBySignal(number, f"stopped while it waited for {absent}; nothing was lost")
    if time.monotonic() > deadline:
        raise RankLostError(
            f"waited {place.timeout_s:,.0f} s for {absent}, in vain: no word from there at {address()}, where "
            "the processes meet. See that all were started and can reach that address, then begin again"
        )
    time.sleep(_ASK_AGAIN_S)


def _read(store: TCPStore, key: str) -> str:
    """What stands under ``key``, "" for nothing."""
    return str(store.get(key).decode()) if store.check([key]) else ""


def _token(number: int) -> str:
    return f"gantool/token of rank {number}"


def _answer(token: str) -> str:
    return f"gantool/answer to {token}"


def _confirmed(life: str, number: int) -> str:
    return f"{life}/confirmed by rank {number}"


def _complete(life: str) -> str:
    return f"{life}/complete"
