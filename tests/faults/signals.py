"""Signals that ask a run to stop, in each of its phases."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.faults.plans import Plan, Spot
from tests.faults.processes import run
from tests.faults.runs import Fingerprint, go_on, last_words, train, verdict
from tests.faults.table import Outcome

NUMBERS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)

PHASES: dict[str, tuple[Spot, int]] = {
    "preparation": ("preparation", 0),
    "start-up": ("start-up", 0),
    "first step": ("step", 0),
    "training": ("step", 171),
    "checkpoint": ("before fsync", 171),
    "the first checkpoint": ("before replace", 0),
    "grid": ("grid", 171),
    "evaluation": ("evaluation", 171),
    "last evaluation": ("evaluation", 480),
}


def signal_plans() -> Iterator[tuple[str, Plan]]:
    """Each signal in each phase, by the phase's name."""
    for phase, (spot, images) in PHASES.items():
        for number in NUMBERS:
            yield phase, Plan(spot, images, number=number)


@dataclass(frozen=True)
class Stopped:
    """A run that is asked to stop once, and its next life."""

    what: str
    config: Path
    folder: Path
    plan: Plan
    reference: Fingerprint

    def outcome(self) -> Outcome:
        """Try it."""
        name = f"{self.folder.name} [{self.plan}]"
        life = run(train(self.config, self.folder), self.plan)
        if life.code != 128 + self.plan.number or life.has_traceback:
            wrong = f"exit {life.code}: {last_words(life)}"
            return Outcome(self.what, name, tried=True, survived=False, missed=wrong)
        survived, missed = verdict(go_on(self.config, self.folder), self.folder, self.reference)
        return Outcome(self.what, name, tried=True, survived=survived, missed=missed)
