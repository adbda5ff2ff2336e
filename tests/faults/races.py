"""Two who resume one run at once: one goes on, the other is told who does."""

from __future__ import annotations

import random
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from tests.faults.plans import Plan
from tests.faults.processes import Child, Ended, fork, run
from tests.faults.runs import Fingerprint, last_words, next_life, train, verdict
from tests.faults.table import Outcome

_LATE_S = 0.02


@dataclass(frozen=True)
class Race:
    """A run that was killed early, and two that resume it, up to 20 ms apart."""

    what: str
    config: Path
    folder: Path
    seed: str
    reference: Fingerprint

    def outcome(self) -> Outcome:
        """Try it."""
        draw = random.Random(self.seed)
        killed = run(train(self.config, self.folder), Plan("step", draw.randrange(8, 80), draw.random()))
        if not killed.killed:
            return self._said(f"exit {killed.code}", tried=False)
        first = fork(next_life(self.config, self.folder))
        time.sleep(draw.choice([0, draw.random()]) * _LATE_S)
        second = fork(next_life(self.config, self.folder))
        both = [(child, child.wait()) for child in (first, second)]
        winners = [(child, ended) for child, ended in both if ended.code == 0]
        losers = [ended for _, ended in both if ended.code != 0]
        if len(winners) != 1:
            return self._said("; ".join(f"exit {ended.code}: {last_words(ended)}" for _, ended in both))
        (child, winner), (loser,) = winners[0], losers
        if wrong := _wrong(loser, child):
            return self._said(wrong)
        survived, missed = verdict(winner, self.folder, self.reference)
        return self._said(missed, survived=survived)

    def _said(self, missed: str, *, tried: bool = True, survived: bool = False) -> Outcome:
        return Outcome(self.what, self.folder.name, tried, survived, missed)


def _wrong(loser: Ended, winner: Child) -> str:
    """What the loser's words lack."""
    expected = f"process {winner.pid} on {socket.gethostname()}"
    if loser.code == 7 and expected in loser.words and not loser.has_traceback:
        return ""
    return f"the loser ended with {loser.code}, not naming {expected}: {last_words(loser)}"
