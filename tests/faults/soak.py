"""A long run of a small network: its memory, its open files and its folder stay as they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression

from gantool.rundir import RunFolder
from tests.faults.entry import SAMPLES
from tests.faults.processes import run
from tests.faults.runs import last_words, train
from tests.faults.table import Outcome

KEPT = 3


@dataclass(frozen=True)
class Soak:
    """A run of ``steps`` steps that is looked at every 20."""

    what: str
    config: Path
    folder: Path
    steps: int
    bytes_per_step: float
    """The slope of resident memory that is still called flat."""

    def outcome(self) -> Outcome:
        """Try it."""
        samples = self.folder.with_suffix(".samples")
        ended = run(train(self.config, self.folder), **{SAMPLES: str(samples)})
        if ended.code != 0:
            return Outcome(self.what, self.folder.name, True, False, f"exit {ended.code}: {last_words(ended)}")
        rows = [tuple(map(int, line.split())) for line in samples.read_text(encoding="utf-8").splitlines()]
        settled = rows[len(rows) // 2 :]
        slope = linear_regression([row[0] for row in settled], [row[1] for row in settled]).slope
        checkpoints = len(RunFolder(self.folder).checkpoints())
        wrong = [
            *([f"memory grows by {slope:,.0f} bytes a step"] if slope > self.bytes_per_step else []),
            *([f"{settled[-1][2]} open files, before {settled[0][2]}"] if settled[-1][2] > settled[0][2] else []),
            *([f"{checkpoints} checkpoints"] if checkpoints > KEPT + 1 else []),
            *(f"left behind: {path.name}" for path in self.folder.rglob(".*.part")),
        ]
        note = (
            f"{slope:+,.0f} bytes a step, {settled[-1][2]} open files, {checkpoints} checkpoints, "
            f"folder {_size(self.folder) / 1e6:.1f} MB"
        )
        return Outcome(self.what, self.folder.name, True, True, ", ".join(wrong), note)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
