"""Metric cards and audits from their JSON: checked when read, so that whoever shows them can trust their shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gantool.errors import DataError

FORMAT = 1
"""Of cards and of audits: the newest that this version reads."""

_SIZE_LIMIT = 32_000_000


class NewerFormat(DataError):
    """A card or an audit that a newer version of gantool wrote."""


class _Part(BaseModel):
    """Keys that a later version of one format adds are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Subject(_Part):
    """What was measured."""

    kind: str
    name: str
    digest: str | None = None
    images_seen: int | None = None
    weights: str | None = None


class Features(_Part):
    """What saw the pictures."""

    name: str
    dimensions: int | None = None
    weights: str | None = None
    size: str | int | None = None
    """Height × width in pixels at which pictures are shown to it."""
    filter: str | None = None


class Reference(_Part):
    """The real pictures of a card."""

    split: str
    fingerprint: str
    pictures: int
    of: int | None = None


class Spread(_Part):
    """A number with its deviation over seeds."""

    mean: float | None
    deviation: float | None = None


class Floor(_Part):
    """The same number between real pictures."""

    halves: Spread | None = None
    train_holdout: Spread | None = None

    @property
    def best(self) -> Spread | None:
        """The one to compare with: between halves, else between training and hold-out pictures."""
        return next((one for one in (self.halves, self.train_holdout) if one and one.mean is not None), None)


class Value(_Part):
    """One metric of a card."""

    name: str
    title: str
    better: Literal["lower", "higher"]
    mean: float | None
    deviation: float | None = None
    within: float | None = None
    floor: Floor | None = None
    reliable: bool = True
    leads: bool = False
    note: str = ""


class Card(_Part):
    """A metric card."""

    subject: Subject
    features: Features
    reference: Reference
    samples: int
    seeds: tuple[int, ...] = ()
    values: tuple[Value, ...]
    discriminator: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()
    version: str = ""

    @property
    def leading(self) -> Value | None:
        """The metric that leads, else the first that is there."""
        known = [value for value in self.values if value.mean is not None]
        return next((value for value in known if value.leads), known[0] if known else None)


class Figure(_Part):
    """One number of a check."""

    name: str
    title: str
    value: float | None
    baseline: float | None = None
    limit: float | None = None
    unit: str = ""


class ClassFigure(_Part):
    """One class in a check of the balance."""

    name: str
    expected: float | None = None
    made: float | None = None
    recall: float | None = None
    coverage: float | None = None
    dropped: bool = False


class Check(_Part):
    """One check of an audit."""

    name: str
    title: str
    verdict: Literal["pass", "fail", "skipped"]
    reason: str = ""
    numbers: tuple[Figure, ...] = ()
    picture: str | None = None
    caption: str = ""
    classes: tuple[ClassFigure, ...] | None = None


class AuditedData(_Part):
    """The set that an audit compared with."""

    fingerprint: str | None = None
    train: int | None = None
    holdout: int | None = None


class Audit(_Part):
    """An audit."""

    subject: Subject
    dataset: AuditedData = Field(default_factory=AuditedData)
    samples: int | None = None
    seed: int | None = None
    passed: bool
    checks: tuple[Check, ...]
    version: str = ""


_Kind = TypeVar("_Kind", Card, Audit)


def read_card(path: Path) -> Card:
    """The metric card in ``path``.

    Raises:
        DataError: when it cannot be read, is damaged, something else, or of a newer format.
    """
    return _read(path, Card, "metric card")


def read_audit(path: Path) -> Audit:
    """The audit in ``path``. Raises as `read_card` does."""
    return _read(path, Audit, "audit")


def _read(path: Path, model: type[_Kind], kind: str) -> _Kind:
    try:
        if path.stat().st_size > _SIZE_LIMIT:
            raise DataError(f"{path}: too large for a {kind}")
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda _: None)
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else f"damaged: {_brief(error)}"
        raise DataError(f"{path}: {reason}") from error
    return _checked(path, content, model, kind)


def _checked(path: Path, content: Any, model: type[_Kind], kind: str) -> _Kind:
    found = content.get("kind") if isinstance(content, dict) else None
    if found != kind:
        raise DataError(f"{path}: no {kind} of gantool's")
    format = content.get("format")
    if isinstance(format, int) and format > FORMAT:
        raise NewerFormat(
            f"{path}: a {kind} of format {format}; this version of gantool reads format {FORMAT}: use a newer gantool"
        )
    if format != FORMAT:
        raise DataError(f"{path}: damaged: its format is not a number of ours")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DataError(f"{path}: damaged: {where}: {first['msg'][:200]}") from error


def _brief(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
