"""Metric cards and audits from their JSON: checked when read, so that whoever shows them can trust their shape."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gantool import files
from gantool.errors import DataError
from gantool.evaluation.card import Card, Spread, Value
from gantool.evaluation.document import FORMAT

_SIZE_LIMIT = 32_000_000
_LARGEST = 2**64
"""Whole number; a seed may be so large."""


class NewerFormat(DataError):
    """A card or an audit that a newer version of gantool wrote."""


class _Part(BaseModel):
    """Keys that a later version of one format adds are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class AuditedSubject(_Part):
    """What was audited."""

    name: str
    images_seen: int | None = None


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
    as_asked: float | None = None


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

    subject: AuditedSubject
    dataset: AuditedData = Field(default_factory=AuditedData)
    samples: int | None = None
    seed: int | None = None
    passed: bool
    checks: tuple[Check, ...]
    version: str = ""


_Kind = TypeVar("_Kind", Card, Audit)


def leading(card: Card) -> Value | None:
    """The metric that leads, else the first that has a value."""
    known = [value for value in card.values if value.mean is not None]
    return next((value for value in known if value.leads), known[0] if known else None)


def floor_of(value: Value) -> Spread | None:
    """The floor to compare with: between halves of real pictures, else between training and hold-out pictures."""
    floors = (value.floor.halves, value.floor.train_holdout)
    return next((one for one in floors if one is not None and one.mean is not None), None)


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
        text = files.read_regular(path, _SIZE_LIMIT).decode("utf-8")
        content = json.loads(text, parse_constant=lambda _: None, parse_float=_finite, parse_int=_whole)
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


def _whole(text: str) -> int:
    if abs(value := int(text)) > _LARGEST:
        raise ValueError(f"a number of {len(text)} digits")
    return value


def _finite(text: str) -> float | None:
    """None for what is beyond all numbers (1e999), as for NaN."""
    return value if math.isfinite(value := float(text)) else None


def _brief(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
