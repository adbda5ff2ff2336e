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
        held = Held.from_samples(samples.read_text(encoding="utf-8"))
        checkpoints = len(RunFolder(self.folder).checkpoints())
        wrong = [
            *held.missed(self.bytes_per_step),
            *([f"{checkpoints} checkpoints"] if checkpoints > KEPT + 1 else []),
            *(f"left behind: {path.name}" for path in self.folder.rglob(".*.part")),
        ]
        note = f"{held}, {checkpoints} checkpoints, folder {_size(self.folder) / 1e6:.1f} MB"
        return Outcome(self.what, self.folder.name, True, True, ", ".join(wrong), note)


@dataclass(frozen=True)
class Held:
    """What a process held on to in the second half of its run, when it had settled."""

    slope: float
    """Bytes of resident memory a step."""
    files_before: int
    """Open files: the fewest seen at any one look in the first quarter of that half. A file that is open for a moment
    is no leak, and TensorBoard's own thread opens its file anew for every flush."""
    files_after: int
    """The same in the last quarter."""

    @classmethod
    def from_samples(cls, text: str) -> Held:
        """Of lines of ``steps resident_bytes open_files``."""
        rows = [tuple(map(int, line.split())) for line in text.splitlines()]
        settled = rows[len(rows) // 2 :]
        quarter = max(1, len(settled) // 4)
        return cls(
            linear_regression([row[0] for row in settled], [row[1] for row in settled]).slope,
            min(row[2] for row in settled[:quarter]),
            min(row[2] for row in settled[-quarter:]),
        )

    def missed(self, bytes_per_step: float) -> list[str]:
        """What grew, where memory may grow by so much."""
        memory = f"memory grows by {self.slope:,.0f} bytes a step"
        files = f"{self.files_after} open files, before {self.files_before}"
        return [
            *([memory] if self.slope > bytes_per_step else []),
            *([files] if self.files_after > self.files_before else []),
        ]

    def __str__(self) -> str:
        return f"{self.slope:+,.0f} bytes a step, {self.files_after} open files"


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
