"""Two processes, one of which is struck: the other leaves as well, and both go on."""

from __future__ import annotations

import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from gantool.rundir import RunFolder
from tests.faults.plans import Plan, Spot
from tests.faults.processes import Ended, run
from tests.faults.runs import Fingerprint, next_life, train, verdict
from tests.faults.table import Outcome
from tests.processes import can_be_locked, speaking_of

PROMISED_S = 60.0
TWO = ("--processes", "2")

_SPOTS_OF_RANK_0: tuple[Spot, ...] = ("step", "before fsync", "before replace", "grid")


def rank_kills(count: int, total_images: int, seed: str) -> list[Plan]:
    """Either rank by turns; only rank 0 writes, so that only it can be struck there."""
    chosen = []
    for index in range(count):
        draw = random.Random(f"{seed} rank {index}")
        spot = "step" if index % 2 else _SPOTS_OF_RANK_0[index // 2 % len(_SPOTS_OF_RANK_0)]
        images = draw.randrange(total_images * 9 // 10)
        chosen.append(Plan(spot, images, draw.random(), rank=index % 2))
    return chosen


@dataclass(frozen=True)
class RankStruck:
    """A run of two processes, one of which gets a signal; what both leave behind, and the run's next life.

    A rank that is killed ends the run with 137 as a shell has it; one that is asked to stop takes the other along.
    """

    what: str
    config: Path
    folder: Path
    plan: Plan
    reference: Fingerprint

    def outcome(self) -> Outcome:
        """Try it."""
        name = f"{self.folder.name} [{self.plan}]"
        life = run([*train(self.config, self.folder), *TWO], self.plan)
        if life.code != 128 + self.plan.number:
            return Outcome(
                self.what, name, tried=False, survived=False, missed=f"exit {life.code}: {life.words[-300:]}"
            )
        left = self._left_behind(time.monotonic() + PROMISED_S - life.seconds)
        if left:
            return Outcome(self.what, name, tried=True, survived=False, missed=left)
        if self.plan.number != signal.SIGKILL and life.has_traceback:
            return Outcome(self.what, name, tried=True, survived=False, missed=life.words[-300:])
        survived, missed = verdict(self._go_on(), self.folder, self.reference)
        return Outcome(self.what, name, tried=True, survived=survived, missed=missed, note="all gone within 60 s")

    def _left_behind(self, deadline: float) -> str:
        while alive := [f"process {pid} lives" for pid in speaking_of(self.folder)] or self._held():
            if time.monotonic() > deadline:
                return ", ".join(alive)
            time.sleep(0.05)
        return ""

    def _held(self) -> list[str]:
        run_folder = RunFolder(self.folder)
        return [] if not run_folder.path.exists() or can_be_locked(run_folder) else ["the run is held"]

    def _go_on(self) -> Ended:
        return run([*next_life(self.config, self.folder), *TWO])
