"""The same run where the machine is odd: the same bits. Each is started by itself; nothing is forked here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.entry import CLOCK
from tests.faults.processes import run_afresh
from tests.faults.runs import Fingerprint, train, verdict
from tests.faults.table import Outcome


@dataclass(frozen=True)
class Surroundings:
    """What differs from the harness's own.

    Attributes:
        cwd: the working folder; None for the trial's own.
        without: variables that are not set.
        variables: variables that are.
        interpreter: what python is told before the command line.
    """

    cwd: str | None = None
    without: Sequence[str] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    interpreter: Sequence[str] = ("-m", "gantool")


ODD = {
    "started by a shell, not forked": Surroundings(),
    "LC_ALL=C": Surroundings(without=("LANG", "PYTHONUTF8", "PYTHONIOENCODING"), variables={"LC_ALL": "C"}),
    "no HOME": Surroundings(without=("HOME", "USER", "LOGNAME")),
    "a HOME that is missing, no cache": Surroundings(
        without=("GANTOOL_CACHE", "XDG_CACHE_HOME"), variables={"HOME": "/nonexistent"}
    ),
    # Where even root cannot write.
    "a working folder that is read-only": Surroundings(cwd="/proc"),
    "a clock that jumps by days": Surroundings(variables={CLOCK: "1"}, interpreter=("-m", "tests.faults.entry")),
}


@dataclass(frozen=True)
class Elsewhere:
    """One run in odd surroundings."""

    what: str
    config: Path
    folder: Path
    reference: Fingerprint

    def outcome(self) -> Outcome:
        """Try it."""
        odd = ODD[self.what]
        self.folder.mkdir()
        ended = run_afresh(
            train(self.config, self.folder / "run"),
            interpreter=odd.interpreter,
            cwd=odd.cwd or self.folder,
            without=odd.without,
            **odd.variables,
        )
        survived, missed = verdict(ended, self.folder / "run", self.reference)
        return Outcome(self.what, self.folder.name, tried=True, survived=survived, missed=missed)
