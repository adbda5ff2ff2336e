"""The verdict of an audit, as data and as JSON: ``RUN/audit/audit.json``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from gantool.evaluation import card, document
from gantool.evaluation.document import Document, Part
from gantool.version import __version__

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
    as_asked: float | None = None
    """Share of the pictures asked for of this class that the classifier takes for it; null where none was asked for."""


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


class Audit(Document):
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


def read(path: Path) -> Audit:
    """The audit in ``path``; raises as `document.read` does."""
    return document.read(path, Audit, "audit")


def verdict_of(*, failed: bool, unsure: bool) -> Verdict:
    """A failure goes before a doubt, and a doubt before a pass."""
    return "fail" if failed else "skipped" if unsure else "pass"
