"""What a checkpoint says about itself, checked before anyone relies on it.

A digest proves that a file is whole, not that its writer meant well: anyone can compute one. So every entry that is
there must be of its kind, and what a verb cannot do without must be there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gantool.errors import CheckpointError
from gantool.legible import legible
from gantool.rundir import is_best_record

CLASS_LIMIT = 1_000_000
_COUNT_LIMIT = 1 << 62
_TEXT_LIMIT = 1_000
_SIDE_LIMIT = 1 << 20

TO_DRAW = ("config", "shape", "classes")
"""What a picture cannot be drawn without."""
TO_GO_ON = ("kind", "config", "shape", "classes", "images_seen", "attempt", "metrics_lines")
"""What a run cannot go on without."""


def require_sound(path: Path, metadata: Mapping[str, Any], entries: Sequence[str] = ()) -> None:
    """Refuse entries that are not what gantool writes.

    Args:
        path: of the checkpoint, for the message.
        metadata: as it stands in the file.
        entries: those that must be there.

    Raises:
        CheckpointError: naming the first entry that is missing or odd.
    """
    for name in entries:
        if name not in metadata:
            raise CheckpointError(f"{path}: its metadata lacks {name!r}; gantool did not write it so")
    for name, is_right in _KINDS.items():
        if name in metadata and not is_right(metadata[name]):
            found = legible(repr(metadata[name]), 60)
            raise CheckpointError(f"{path}: {name!r} in its metadata cannot be right ({found}); get a sound checkpoint")


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < _COUNT_LIMIT


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _TEXT_LIMIT


def _is_shape(value: Any) -> bool:
    if not isinstance(value, list) or len(value) != 3:
        return False
    return value[0] in (1, 3, 4) and all(type(side) is int and 1 <= side <= _SIDE_LIMIT for side in value[1:])


def _are_classes(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= CLASS_LIMIT and all(isinstance(name, str) for name in value)


def _is_best(value: Any) -> bool:
    return value is None or is_best_record(value)


def _is_environment(value: Any) -> bool:
    if not isinstance(value, dict) or not all(isinstance(fact, str | int | float | None) for fact in value.values()):
        return False
    processes = value.get("processes", 1)
    return all(len(str(fact)) <= _TEXT_LIMIT for fact in value.values()) and _is_count(processes) and processes >= 1


_KINDS: Mapping[str, Callable[[Any], bool]] = {
    "kind": _is_text,
    "version": _is_text,
    "config": lambda value: isinstance(value, dict) and isinstance(value.get("data", {}), dict),
    "shape": _is_shape,
    "classes": _are_classes,
    "images_seen": _is_count,
    "attempt": _is_count,
    "metrics_lines": _is_count,
    "dataset_fingerprint": _is_text,
    "exported_from": _is_text,
    "environment": _is_environment,
    "best": _is_best,
    "pending": lambda value: isinstance(value, list) and all(_is_text(name) for name in value),
}
