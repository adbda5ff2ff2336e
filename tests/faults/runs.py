"""The small runs that the harness starts, how one goes on, and what two of them must have in common."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from gantool.models import AnyModel
from gantool.rundir import RunFolder
from gantool.training.checkpoint import read_checkpoint
from tests.faults.processes import Ended, run
from tests.training.helpers import BATCH, EVERYTHING, MODELS, lines, tiny

STEPS = 60
TOTAL_IMAGES = STEPS * BATCH

OFTEN = (
    f"log.every={7 * BATCH}",
    f"samples.every={15 * BATCH}",
    f"checkpoints.every={10 * BATCH}",
    "checkpoints.keep=3",
    f"evaluation.every={25 * BATCH}",
)
"""Cadences that all occur, and whose moments seldom coincide."""


def families() -> list[str]:
    """The names of all registered architectures."""
    union = get_args(AnyModel)[0]
    return [settings.model_fields["name"].default for settings in get_args(union)]


def write_config(family: str, file: Path, *changes: str) -> Path:
    """A run of ``STEPS`` steps with everything that carries state. A family unknown to the tests has its defaults."""
    model = MODELS.get(family, (f"model={{name: {family}, latent_dim: 8}}",))
    file.write_text(tiny(*model, *EVERYTHING, *OFTEN, *changes).to_yaml(), encoding="utf-8")
    return file


@dataclass(frozen=True)
class Fingerprint:
    """What a finished run left, without what comes from the clock.

    Attributes:
        newest: the newest checkpoint's digest.
        log: SHA-256 of ``metrics.jsonl`` without ``clock``.
        pictures: of each sample grid.
        best: what is known of the best checkpoint.
    """

    newest: str
    log: str
    pictures: tuple[tuple[str, str], ...]
    best: str

    def differences(self, other: Fingerprint) -> str:
        """The names of what differs, "" for nothing."""
        return ", ".join(name for name, value in vars(self).items() if value != getattr(other, name))


def fingerprint(folder: Path) -> Fingerprint:
    """Of a run that has finished."""
    run = RunFolder(folder)
    newest = run.newest()
    assert newest is not None, f"{folder}: no checkpoint"
    pictures = tuple((path.name, _sha256(path.read_bytes())) for path in sorted(run.samples.iterdir()))
    log = _sha256(json.dumps(lines(run)).encode())
    return Fingerprint(read_checkpoint(newest).digest, log, pictures, json.dumps(run.read_best()))


def train(config: Path, folder: Path) -> list[str]:
    """The command line of a new run."""
    return ["train", str(config), "--run-dir", str(folder), "--device", "cpu"]


def next_life(config: Path, folder: Path) -> list[str]:
    """What a person types after a run was killed: ``resume``, or ``train`` again where it had not begun."""
    return ["resume", str(folder), "--device", "cpu"] if RunFolder(folder).exists() else train(config, folder)


def go_on(config: Path, folder: Path) -> Ended:
    """The rest of a run."""
    return run(next_life(config, folder))


def verdict(ended: Ended, folder: Path, reference: Fingerprint) -> tuple[bool, str]:
    """Whether the last life of a run ended well, and in what it differs from one that was left alone."""
    if ended.code != 0 or ended.has_traceback:
        return False, f"exit {ended.code}: {last_words(ended)}"
    left = [path.name for path in folder.rglob(".*.part")]
    differing = fingerprint(folder).differences(reference)
    return True, differing or (f"left behind: {', '.join(left)}" if left else "")


def last_words(ended: Ended) -> str:
    """The end of what a process said."""
    return re.sub(r"\s+", " ", ended.words.strip()[-300:])


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
