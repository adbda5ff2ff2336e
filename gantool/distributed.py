"""Several processes: the group, and the few operations a run needs. Alone, every one of them is a no-op.

Started by ``torchrun`` or by ``gantool train --processes N`` (which sets the same variables). Rank 0 writes.
What this does not do: sharding of weights. Every process holds both networks; only the batch is divided.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist
from torch import Tensor, nn

from gantool import meeting, memory
from gantool.errors import RankLostError

if TYPE_CHECKING:
    from torch._C._distributed_c10d import Store

_PR_SET_PDEATHSIG = 1
_LARGE = 1 << 18
"""A gradient of so many numbers (1 MB) is worth a message of its own: gathering it would cost a copy either way."""

_BEAT_S = 5.0
_NO_ANSWER = "rank 0, where they meet, does not answer"


def environment() -> tuple[int, int, int]:
    """(rank, local rank, world size) as the launcher set them; (0, 0, 1) alone."""
    return tuple(int(os.environ.get(name, default)) for name, default in _LAUNCHER)  # type: ignore[return-value]


_LAUNCHER = (("RANK", "0"), ("LOCAL_RANK", "0"), ("WORLD_SIZE", "1"))


@contextmanager
def process_group(
    device: torch.device, timeout_s: float = 600.0, stop: Callable[[], int] = lambda: 0
) -> Iterator[None]:
    """Join the group that the launcher's variables describe: nccl on CUDA, gloo elsewhere.

    Args:
        device: what this process computes on.
        timeout_s: how long it waits for the others, here and later.
        stop: the number of the signal that asked it to end while it waits here, 0 without one.

    Raises:
        RankLostError: names the process that the others have waited for in vain. (nccl has a watchdog of its own.)
        StoppedBySignal: when it was asked to end before all had come.
    """
    number, _, world = environment()
    if world == 1:
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    presence = _join(device, meeting.Place(number, world, timeout_s, stop))
    ended_well = False
    try:
        yield
        ended_well = True
    except RuntimeError as error:
        if "imed out" not in str(error):
            raise
        raise RankLostError(
            f"waited {timeout_s:,.0f} s for the other processes in vain: {presence.missing()}. See what holds it up "
            "(memory, a disk or a network that hangs, a stopped process), then resume"
        ) from error
    finally:
        presence.leave()
        # nccl would wait for all that is queued, which the others may never begin: the process's end takes it down.
        if ended_well or device.type != "cuda":
            dist.destroy_process_group()


def _join(device: torch.device, place: meeting.Place) -> _Presence:
    """Meet, and form the group."""
    # Under nccl some of the state still lives on the CPU (counts, float16's scales), and travels by gloo.
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    timeout = timedelta(seconds=place.timeout_s)
    try:
        main = meeting.main_store(place)
        life = meeting.name_of_this_life(main, place)
        aside = meeting.store_at_address(2 * _BEAT_S)
        store = meeting.part_of(main, life)
        dist.init_process_group(backend, store=store, rank=place.rank, world_size=place.world, timeout=timeout)
    except RuntimeError as error:
        if memory.is_out_of_memory(error):
            raise
        what = str(error).partition("\n")[0]
        raise RankLostError(
            f"the processes did not come together at {meeting.address()} ({what}). See that all were started and can "
            "reach that address, then begin again"
        ) from error
    return _Presence(meeting.part_of(aside, life))


class _Presence:
    """Says every few seconds, from a thread of its own, that this process lives and how far it is.

    It costs the loop one addition a step. The store is the one that the processes met at; no clock is compared.
    """

    count = 0
    """How often this process has come to `agree`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        type(self).count = 0
        self._gone = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="presence", daemon=True)
        self._thread.start()

    def _beat(self) -> None:
        beats = 0
        while not self._gone.is_set():
            beats += 1
            said = {"beats": beats, "count": self.count, "process": os.getpid(), "host": socket.gethostname()}
            try:
                self._store.set(f"presence/{rank()}", json.dumps(said))
            except RuntimeError:  # the process that keeps the store is gone, or hangs
                return
            self._gone.wait(_BEAT_S)

    def missing(self) -> str:
        """Which processes give no sign of life any more, or else are behind the others."""
        found: list[str] = []
        # A store whose keeper is stopped never answers, whatever its timeout: it is asked from a thread.
        asking = threading.Thread(target=lambda: found.append(self._missing()), daemon=True)
        asking.start()
        asking.join(4 * _BEAT_S)
        return found[0] if found else _NO_ANSWER

    def _missing(self) -> str:
        others = [number for number in range(world_size()) if number != rank()]
        try:
            before = {number: self._said_by(number) for number in others}
            self._gone.wait(2 * _BEAT_S)
            after = {number: self._said_by(number) for number in others}
        except RuntimeError:
            return _NO_ANSWER
        silent = [number for number in others if before[number]["beats"] == after[number]["beats"]]
        if silent:
            return ", ".join(f"{_named(number, after[number])} gives no sign of life" for number in silent)
        behind = min(others, key=lambda number: int(after[number]["count"]))
        return f"{_named(behind, after[behind])} lives, but is behind"

    def _said_by(self, number: int) -> dict[str, str | int]:
        return dict(json.loads(self._store.get(f"presence/{number}")))

    def leave(self) -> None:
        """End the thread."""
        self._gone.set()
        self._thread.join(_BEAT_S)


def _named(number: int, said: dict[str, str | int]) -> str:
    return f"rank {number} (process {said['process']} on {said['host']})"


def rank() -> int:
    """This process's number in the group, 0 alone."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    """How many processes there are, 1 alone."""
    return dist.get_world_size() if dist.is_initialized() else 1


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace every gradient by its mean over the processes: large ones where they lie, the others in one message."""
    if world_size() == 1:
        return
    # Memory order is the gradient's own (channels-last stays so), and equal on every rank: no transposing copy.
    gradients = [_in_memory_order(parameter.grad) for parameter in parameters if parameter.grad is not None]
    large = [gradient for gradient in gradients if gradient.numel() >= _LARGE]
    small = [gradient for gradient in gradients if gradient.numel() < _LARGE]
    messages = [*large, torch.cat(small)] if small else large
    under_way = [dist.all_reduce(message, async_op=True) for message in messages]
    for message in under_way:
        message.wait()
    torch._foreach_div_(messages, float(world_size()))
    if small:
        for gradient, piece in zip(small, torch.split(messages[-1], [g.numel() for g in small]), strict=True):
            gradient.copy_(piece)


def _in_memory_order(tensor: Tensor) -> Tensor:
    """A flat view of a dense tensor in the order its numbers lie in memory."""
    return tensor.as_strided((tensor.numel(),), (1,))


def broadcast(tensors: Iterable[Tensor]) -> None:
    """Give every process rank 0's values, in place."""
    if world_size() > 1:
        for tensor in tensors:
            dist.broadcast(_in_memory_order(tensor), src=0)


def total(values: Tensor) -> Tensor:
    """The sum of ``values`` over the processes, in place."""
    if world_size() > 1:
        dist.all_reduce(values)
    return values


def mean(values: Tensor) -> Tensor:
    """The mean of ``values`` over the processes, in place."""
    if world_size() > 1:
        total(values).div_(world_size())
    return values


def agree(value: int) -> int:
    """The largest ``value`` of any process: a signal that one of them saw is seen by all."""
    if world_size() == 1:
        return value
    _Presence.count += 1
    flag = torch.tensor([value])  # on the CPU, by gloo: the loop does not wait for a CUDA device here
    dist.all_reduce(flag, op=dist.ReduceOp.MAX)
    return int(flag.item())


def die_with_parent() -> None:
    """Ask the kernel to end this process when the one that started it dies (Linux; elsewhere a no-op)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
