"""Files that are no longer what was written: bits flipped, cut short, blocks or whole files exchanged.

What is read must be what was written, or be refused; a run goes back to the checkpoint before, and says what is lost.
Checkpoints and sets are read in this process, by what a run itself reads them with; run folders by ``gantool resume``.
"""

from __future__ import annotations

import functools
import random
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gantool.config import load_config
from gantool.data import PreparedSet
from gantool.errors import GantoolError
from gantool.rundir import RunFolder, images_seen_of
from gantool.training.checkpoint import Checkpoint, read_checkpoint
from gantool.training.keeper import Keeper
from gantool.training.verbs import Resumption
from tests.faults.plans import Plan
from tests.faults.processes import run
from tests.faults.runs import TOTAL_IMAGES, fingerprint, last_words, train
from tests.faults.table import Outcome
from tests.training.helpers import differing

FAMILY = "mlp"

REFUSED, FELL_BACK, HARMLESS, NAMED = "refused", "fell back", "harmless", "named"

_HEAD_BYTES = 8192
_MOST_FLIPS = 16
_MOST_BLOCK = 4096


def stopped_run(config: Path, folder: Path) -> Path:
    """A run that was asked to stop near its end; its folder.

    Raises:
        RuntimeError: when it did not.
    """
    ended = run(train(config, folder), Plan("step", TOTAL_IMAGES * 5 // 6, number=signal.SIGTERM))
    if ended.code != 128 + signal.SIGTERM:
        raise RuntimeError(f"exit {ended.code}: {last_words(ended)}")
    return folder


@dataclass(frozen=True)
class Damaged:
    """A copy of something that a stopped run has, damaged as ``seed`` says.

    Attributes:
        stopped: the run, which stays as it is.
        folder: for the copy.
        alone: the same run, that nobody stopped.
    """

    what: str
    stopped: Path
    folder: Path
    seed: str
    alone: Path

    def outcome(self) -> Outcome:
        """Try it."""
        damage, came_of, missed = self._try(random.Random(self.seed))
        shutil.rmtree(self.folder, ignore_errors=not missed)
        name = f"{self.folder.name} [{damage}]"
        return Outcome(self.what, name, tried=True, survived=bool(came_of), missed=missed, came_of=came_of)

    def _try(self, draw: random.Random) -> tuple[str, str, str]:
        """What was done, what came of it ("" for nothing good), and what is wrong with that."""
        raise NotImplementedError


class CheckpointDamaged(Damaged):
    """The newest checkpoint, or it and the one before it, exchanged."""

    def _try(self, draw: random.Random) -> tuple[str, str, str]:
        copy = RunFolder(self.folder)
        shutil.copytree(RunFolder(self.stopped).checkpoint_folder, copy.checkpoint_folder)
        before = copy.checkpoints()
        damage = do_damage(draw, before[-1:], before[-2:-1])
        said: list[str] = []
        keeper = Keeper(copy, load_config(RunFolder(self.stopped).config), {}, said.append)
        try:
            found = keeper.newest_good()
        except GantoolError as error:
            return damage, "", f"no way back: {error}"
        assert found is not None
        if wrong := _unlike(found, _as_written(RunFolder(self.stopped).checkpoint_folder / found.path.name)):
            return damage, "", wrong
        if found.path == before[-1]:
            return damage, HARMLESS, ""
        words = "\n".join(said)
        lost = f"{images_seen_of(before[-1]) - images_seen_of(found.path):,} images are lost"
        named = before[-1].name in words and found.path.name in words and lost in words
        return damage, FELL_BACK, "" if named else f"not said: {lost}; but {words}"


class SetDamaged(Damaged):
    """Any file of the prepared set."""

    def _try(self, draw: random.Random) -> tuple[str, str, str]:
        whole = Resumption(self.stopped).prepare()
        shutil.copytree(whole, self.folder)
        names = sorted(self.folder.iterdir())
        damage = do_damage(draw, names, names)
        try:
            found = PreparedSet.open(self.folder)
        except GantoolError as error:
            named = str(self.folder) in str(error) and "delete the folder" in str(error)
            return damage, REFUSED, "" if named else f"no help: {error}"
        as_written = PreparedSet.open(whole)
        rows = range(len(as_written))
        same = (
            found.header == as_written.header
            and [*found.records()] == [*as_written.records()]
            and found.read(rows).tobytes() == as_written.read(rows).tobytes()
            and (found.indices("train") == as_written.indices("train")).all()
        )
        return damage, HARMLESS, "" if same else "read as if nothing were wrong"


class FolderDamaged(Damaged):
    """Any file that ``gantool resume`` reads."""

    def _try(self, draw: random.Random) -> tuple[str, str, str]:
        shutil.copytree(self.stopped, self.folder)
        copy = RunFolder(self.folder)
        small = [copy.config, copy.info, copy.metrics, copy.best_record]
        chosen = draw.choice([*small, draw.choice(copy.checkpoints()), copy.checkpoints()[-1]])
        newest = copy.checkpoints()[-1]
        as_it_was = newest.read_bytes()
        damage = do_damage(draw, [chosen], [*small, *copy.checkpoints()])
        is_struck = newest.read_bytes() != as_it_was
        ended = run(["resume", str(self.folder), "--device", "cpu"])
        if ended.has_traceback or ended.code not in {0, 2, 3, 4}:
            return damage, "", f"exit {ended.code}: {last_words(ended)}"
        if ended.code != 0:
            explained = str(self.folder) in ended.words and not is_struck
            return damage, REFUSED, "" if explained else f"exit {ended.code}: {last_words(ended)}"
        fell_back = "images are lost" in ended.words
        if is_struck and not fell_back:
            return damage, "", f"the newest checkpoint was damaged, and nothing said so: {last_words(ended)}"
        return damage, *self._as_promised(copy, ended.words, FELL_BACK if fell_back else HARMLESS)

    def _as_promised(self, copy: RunFolder, words: str, came_of: str) -> tuple[str, str]:
        """The run that went on to its end, against the one that nobody disturbed."""
        if f"{copy.metrics}: " in words:  # it was said that the log is damaged; the rest is as it would be
            return NAMED, ", ".join(differing(_last(copy).tensors, _last(RunFolder(self.alone)).tensors))
        return came_of, fingerprint(copy.path).differences(fingerprint(self.alone))


def do_damage(draw: random.Random, files: Sequence[Path], others: Sequence[Path]) -> str:
    """Damage one of ``files``, or exchange one with one of ``others``; returns what was done."""
    path = draw.choice(files)
    content = path.read_bytes()
    how = draw.choice(["flip", "truncation", "blocks", "files"])
    if how == "flip":
        damaged, what = _flipped(draw, content)
    elif how == "truncation":
        length = draw.randrange(len(content))
        damaged, what = content[:length], f"cut to {length} bytes"
    elif how == "blocks":
        damaged, what = _exchanged(draw, content)
    else:
        other = draw.choice([other for other in others if other != path])
        damaged, what = other.read_bytes(), f"exchanged with {other.name}"
        other.write_bytes(content)
    path.write_bytes(damaged)
    return f"{path.name}: {what}"


def _flipped(draw: random.Random, content: bytes) -> tuple[bytes, str]:
    """One bit, or a few; half of them where headers are."""
    damaged = bytearray(content)
    area = draw.choice([len(content), min(len(content), _HEAD_BYTES)])
    places = [draw.randrange(8 * area) for _ in range(draw.choice([1, 1, 1, draw.randint(2, _MOST_FLIPS)]))]
    for place in places:
        damaged[place // 8] ^= 1 << place % 8
    return bytes(damaged), f"bits {places} flipped"


def _exchanged(draw: random.Random, content: bytes) -> tuple[bytes, str]:
    """Two blocks of one length."""
    length = draw.randint(1, min(_MOST_BLOCK, len(content) // 2))
    first = draw.randrange(len(content) - 2 * length + 1)
    second = draw.randrange(first + length, len(content) - length + 1)
    one, other = content[first : first + length], content[second : second + length]
    damaged = b"".join((content[:first], other, content[first + length : second], one, content[second + length :]))
    return damaged, f"{length} bytes at {first} and {second} exchanged"


@functools.cache
def _as_written(path: Path) -> Checkpoint:
    return read_checkpoint(path)


def _last(run_folder: RunFolder) -> Checkpoint:
    newest = run_folder.newest()
    assert newest is not None
    return read_checkpoint(newest)


def _unlike(found: Checkpoint, written: Checkpoint) -> str:
    if found.digest != written.digest or found.metadata != written.metadata:
        return f"{found.path.name} read as if it were whole"
    return ", ".join(differing(found.tensors, written.tensors))
