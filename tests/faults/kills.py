"""One process, killed at seeded points, also inside the write of a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.plans import Plan
from tests.faults.processes import run
from tests.faults.runs import Fingerprint, go_on, next_life, verdict
from tests.faults.table import Outcome


@dataclass(frozen=True)
class Killed:
    """A run with one fault after another, each in a life of its own; then a life that is left alone."""

    what: str
    config: Path
    folder: Path
    plans: Sequence[Plan]
    reference: Fingerprint

    def outcome(self) -> Outcome:
        """Try it."""
        name = f"{self.folder.name} [{'; '.join(map(str, self.plans))}]"
        for plan in self.plans:
            life = run(next_life(self.config, self.folder), plan)
            if not life.killed:
                return Outcome(self.what, name, tried=False, survived=False, missed=f"exit {life.code}")
        survived, missed = verdict(go_on(self.config, self.folder), self.folder, self.reference)
        return Outcome(self.what, name, tried=True, survived=survived, missed=missed)
