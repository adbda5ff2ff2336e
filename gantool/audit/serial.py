"""The verdict of an audit, as data and as JSON: ``RUN/audit/audit.json``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from gantool import files
from gantool.errors import UsageError
from gantool.evaluation import card
from gantool.evaluation.card import Part
from gantool.version import __version__

FORMAT = 1
FILE = "audit.json"

Name = Literal["memorisation", "membership", "balance", "duplicates"]
Verdict = Literal["pass", "fail", "skipped"]


class Number(Part):
    """One piece of evidence."""

    name: str
    title: str
    value: float | None
    baseline: float | None = None
    """The same of real pictures."""
    limit: float | None = None
    """A value above it fails where it is significant, else makes the check unsure; null for what only informs."""
    unit: Literal["share", "p", "count", "auc", ""] = ""


class ClassRow(Part):
    """One class: its share among real and generated pictures, and how well it is drawn (null: too few pictures)."""

    name: str
    expected: float
    made: float
    recall: float | None
    coverage: float | None
    dropped: bool


class Check(Part):
    """One question, and its answer."""

    name: Name
    title: str
    verdict: Verdict
    reason: str
    """Sentences with the evidence, or why it was skipped."""
    unsure: bool = False
    """Skipped since a value is above its limit, but may be so by chance: no audit passes with such a check."""
    numbers: tuple[Number, ...] = ()
    picture: str | None = None
    """A file beside the JSON."""
    caption: str = ""
    classes: tuple[ClassRow, ...] | None = None


class DatasetPart(Part):
    """The real pictures, and how many of them were looked at (null in audits of earlier versions)."""

    fingerprint: str
    train: int
    holdout: int
    train_searched: int | None = None
    holdout_searched: int | None = None


class Audit(Part):
    """All checks of one subject."""

    format: Literal[1] = 1
    kind: Literal["audit"] = "audit"
    tool: str = "gantool"
    version: str = __version__
    subject: card.Subject
    dataset: DatasetPart
    samples: int
    seed: int
    features: card.Features
    passed: bool
    checks: tuple[Check, ...]

    def write(self, path: Path) -> None:
        """As JSON.

        Raises:
            UsageError: when the file cannot be written.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            files.write_text(path, self.model_dump_json(indent=2) + "\n")
        except OSError as error:
            raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from error


def read(path: Path) -> Audit:
    """The audit in ``path``.

    Raises:
        UsageError: when there is none, or this version cannot read it.
    """
    try:
        return Audit.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise UsageError(f"{path}: is no audit of format {FORMAT} ({where}: {first['msg']})") from error
