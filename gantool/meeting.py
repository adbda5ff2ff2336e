"""Where the processes of one life meet under ``torchrun``: a part of its agent's store that no life before has used.

The agent keeps one store for all the lives of its workers, and torch writes into it under the same names each time
(pytorch issue 135712). A process that is started again may thus read at which address another one listened before it
was killed, and wait there for ever. The agent's count of restarts cannot tell the lives apart: on several machines
each agent counts its own (pytorch issue 108158). So the processes agree on a name themselves.
"""

from __future__ import annotations

import os
import time
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

import torch.distributed as dist

from gantool.errors import RankLostError

if TYPE_CHECKING:
    from torch._C._distributed_c10d import Store

_ASK_AGAIN_S = 0.05


def client(timeout_s: float, name: str = "") -> Store:
    """A connection to the store at the launcher's address, to its keys below ``name``; no answer takes longer."""
    store = dist.TCPStore(  # type: ignore[attr-defined]
        os.environ["MASTER_ADDR"],
        int(os.environ["MASTER_PORT"]),
        is_master=False,
        wait_for_workers=False,
        timeout=timedelta(seconds=timeout_s),
    )
    return dist.PrefixStore(name, store)  # type: ignore[attr-defined]


def store_outlives_us() -> bool:
    """Whether ``torchrun``'s agent keeps the store; else rank 0 does, and it ends with rank 0."""
    return os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"


def name_of_this_life(store: Store, rank: int, world: int, timeout_s: float) -> str:
    """A prefix for keys of ``store`` that only the processes alive now share. Every one of them calls this, and waits.

    Each but rank 0 writes down a token that was never used before and waits for the answer to it. Rank 0 answers
    every token that it finds, those of lives before too, until all have confirmed: only the living can.

    Raises:
        RankLostError: names the processes that did not come.
    """
    return _gather(store, world, timeout_s) if rank == 0 else _come(store, rank, timeout_s)


def _gather(store: Store, world: int, timeout_s: float) -> str:
    life = f"gantool/{uuid.uuid4().hex}"
    missing = list(range(1, world))
    deadline = time.monotonic() + timeout_s
    while missing:
        missing = [number for number in missing if not store.check([_confirmed(life, number)])]
        for number in missing:
            if store.check([_token(number)]):
                store.set(_answer(store.get(_token(number)).decode()), life)
        if missing and time.monotonic() > deadline:
            raise RankLostError(_waited(timeout_s, ", ".join(f"rank {number}" for number in missing)))
        time.sleep(_ASK_AGAIN_S if missing else 0.0)
    return life


def _come(store: Store, rank: int, timeout_s: float) -> str:
    token = uuid.uuid4().hex
    store.set(_token(rank), token)
    try:
        store.wait([_answer(token)], timedelta(seconds=timeout_s))
    except RuntimeError as error:
        raise RankLostError(_waited(timeout_s, "rank 0")) from error
    life = str(store.get(_answer(token)).decode())
    store.set(_confirmed(life, rank), "")
    return life


def _token(number: int) -> str:
    return f"gantool/token of rank {number}"


def _answer(token: str) -> str:
    return f"gantool/answer to {token}"


def _confirmed(life: str, number: int) -> str:
    return f"{life}/confirmed by rank {number}"


def _waited(timeout_s: float, absent: str) -> str:
    return (
        f"waited {timeout_s:,.0f} s for {absent}, in vain: nothing was heard at the address where the processes meet "
        f"({os.environ.get('MASTER_ADDR', '')}:{os.environ.get('MASTER_PORT', '')}). See that it was started and can "
        "reach that address, then begin again"
    )
