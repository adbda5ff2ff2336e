"""A disk that takes no more: what the run says, what it leaves, and that it goes on once there is room."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from gantool.errors import GantoolError
from gantool.rundir import RunFolder
from gantool.training.checkpoint import read_checkpoint
from tests.faults.fullness import make_room
from tests.faults.hooks import TALLY
from tests.faults.plans import Plan
from tests.faults.processes import Ended, run
from tests.faults.runs import Fingerprint, fingerprint, go_on, last_words, train, verdict, write_config
from tests.faults.table import Outcome
from tests.training.helpers import BATCH

_SHORT = (
    f"training.total_images={12 * BATCH}",
    f"log.every={4 * BATCH}",
    f"samples.every={6 * BATCH}",
    f"checkpoints.every={3 * BATCH}",
    "checkpoints.keep=2",
    f"evaluation.every={6 * BATCH}",
)
_ROOM_BYTES = 4 << 20


def short_run(family: str, parent: Path) -> tuple[Path, int, Fingerprint]:
    """A config of twelve steps, how often its run writes, and what that leaves.

    Raises:
        RuntimeError: when it fails all by itself.
    """
    config = write_config(family, parent / "short.yaml", *_SHORT)
    for folder in ("short-first", "short-again"):  # the first prepares the pictures as well
        tally = parent / f"{folder}.calls"
        ended = run(train(config, parent / folder), Plan("full disk"), **{TALLY: str(tally)})
        if ended.code != 0:
            raise RuntimeError(f"{family}: fails undisturbed with {ended.code}: {last_words(ended)}")
    return config, len(tally.read_text(encoding="utf-8").splitlines()), fingerprint(parent / "short-again")


@dataclass(frozen=True)
class Full:
    """A run one of whose writes fails, and all that come after it, where the plan says so."""

    what: str
    config: Path
    folder: Path
    plan: Plan
    reference: Fingerprint

    def outcome(self) -> Outcome:
        """Try it."""
        life = run(train(self.config, self.folder), self.plan)
        came_of, missed = _judged(life, self.config, self.folder, self.reference)
        name = f"{self.folder.name} [{self.plan}]"
        return Outcome(self.what, name, tried=True, survived=bool(came_of), missed=missed, came_of=came_of)


@dataclass(frozen=True)
class SmallDisk:
    """A run on a tmpfs of its own that something else fills: the kernel's own errors, not ours."""

    what: str
    config: Path
    folder: Path
    reference: Fingerprint

    def outcome(self) -> Outcome:
        """Try it, where this machine lets us mount."""
        self.folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={_ROOM_BYTES}", "tmpfs", str(self.folder)]
        try:
            mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
        except OSError as error:
            return self._skipped(str(error))
        if mounted.returncode != 0:
            return self._skipped(mounted.stderr.strip().splitlines()[-1])
        try:
            return self._tried()
        finally:
            subprocess.run(["umount", str(self.folder)], check=True)

    def _tried(self) -> Outcome:
        run_folder = self.folder / "run"
        life = run(train(self.config, run_folder), Plan("filled disk", 4 * BATCH))
        if life.code == 0:
            return Outcome(self.what, self.folder.name, tried=False, survived=False, missed="it found room")
        make_room(run_folder)
        came_of, missed = _judged(life, self.config, run_folder, self.reference)
        return Outcome(self.what, self.folder.name, True, bool(came_of), missed, came_of=came_of)

    def _skipped(self, why: str) -> Outcome:
        return Outcome(self.what, self.folder.name, False, False, "", skipped=why)


def _judged(life: Ended, config: Path, folder: Path, reference: Fingerprint) -> tuple[str, str]:
    """What came of the run ("" for nothing good), and what is wrong with that."""
    if life.code not in {0, 6} or life.has_traceback:
        return "", f"exit {life.code}: {last_words(life)}"
    try:
        for path in RunFolder(folder).checkpoints():
            read_checkpoint(path)
    except GantoolError as error:
        return "", f"not whole: {error}"
    if life.code == 0:
        survived, missed = verdict(life, folder, reference)
        return "went on by itself" if survived else "", missed
    if "o space left on device" not in life.words or "ree some space" not in life.words:
        return "", f"no advice: {last_words(life)}"
    survived, missed = verdict(go_on(config, folder), folder, reference)
    return "ended with 6, resumed" if survived else "", missed
