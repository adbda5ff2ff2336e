"""Looking at a prepared set: what is in it, and what a network will be shown."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gantool.data import DataSettings, PreparedSet
from gantool.data.prepared import HEADER, Split, check, read_header
from gantool.errors import DataError
from gantool.images import grid

_ROOMY = 4
"""Where classes can have so many pictures each, a sheet shows all classes."""


class Sheet(NamedTuple):
    """A grid of pictures."""

    pixels: NDArray[np.uint8]
    """H×W×3."""
    pictures: int
    """How many are on it."""
    classes: int
    """Rows of classes; 0 for a set without them."""


def open_set(folder: Path) -> PreparedSet:
    """The prepared set in ``folder``.

    Raises:
        DataError: when there is none, or it is damaged.
    """
    _require_set(folder)
    return PreparedSet.open(folder)


def verify(folder: Path, progress: Callable[[str, int, int], None] | None = None) -> PreparedSet:
    """The set in ``folder``, every byte of it compared with its hash.

    Raises:
        DataError: when there is none, or it is damaged: names the file and the remedy.
    """
    _require_set(folder)
    header = read_header(folder)
    try:
        check(folder, header, progress)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{folder / HEADER}: damaged ({error}); make the set again, or copy it again") from error
    return PreparedSet.open(folder, checked=True)


def sheet(content: PreparedSet, split: Split = "train", count: int = 64) -> Sheet:
    """A grid of about ``count`` pictures, spread evenly over a split; one row a class where there are classes.

    Raises:
        DataError: when the split is empty.
    """
    rows = content.indices(split)
    if not len(rows):
        raise DataError(f"{content.folder}: no pictures in its {split} split")
    labels = content.read_labels(rows)
    if labels is None:
        chosen = _spread(rows, count)
        return Sheet(grid(content.read(chosen)), len(chosen), 0)
    classes = len(content.classes)
    if classes * _ROOMY > count:
        classes = min(classes, max(1, math.isqrt(count)))
    columns = max(1, count // classes)
    lines = [_spread(rows[labels == one], columns) for one in range(classes)]
    pictures = np.concatenate([_filled(content.read(line), columns) for line in lines])
    names = content.classes[:classes]
    return Sheet(grid(pictures, columns=columns, row_names=names), sum(map(len, lines)), classes)


def describe(content: PreparedSet) -> dict[str, Any]:
    """What there is to know of a set, as plain values."""
    header = content.header
    channels, height, width = header["shape"]
    captions = sum(record.get("caption") is not None for record in content.records())
    return {
        "folder": str(content.folder),
        "pictures": len(content),
        "counts": content.counts,
        "classes": _class_counts(content),
        "captions": captions,
        "shape": {"channels": channels, "height": height, "width": width},
        "bytes": sum(file["bytes"] for file in header["files"].values()),
        "left_out": {key: header.get(key, 0) for key in ("skipped", "duplicates", "excluded")},
        "animated": header.get("animated", 0),
        "range": header.get("range"),
        "holdout": header.get("holdout"),
        "seed": header.get("seed"),
        "settings": header.get("settings", {}),
        "origin": content.origin,
        "fingerprint": content.fingerprint,
        "format": header["format"],
        "preparer": header.get("preparer"),
    }


def chosen_settings(described: dict[str, Any]) -> dict[str, Any]:
    """Those of the settings in `describe` that somebody chose: all that are not what they are by default."""
    defaults = {key: field.default for key, field in DataSettings.model_fields.items()}
    return {
        key: value for key, value in described["settings"].items() if value is not None and defaults.get(key) != value
    }


def _class_counts(content: PreparedSet) -> list[dict[str, Any]]:
    by_split = {}
    for split in content.counts:
        labels = content.read_labels(content.indices(split))
        by_split[split] = [] if labels is None else np.bincount(labels, minlength=len(content.classes)).tolist()
    return [
        {"name": name, **{split: counts[number] for split, counts in by_split.items()}}
        for number, name in enumerate(content.classes)
    ]


def _require_set(folder: Path) -> None:
    if folder.is_dir() and (folder / HEADER).is_file():
        return
    what = "no prepared set here" if folder.exists() else "no such folder"
    raise DataError(f"{folder}: {what}; make one first: gantool data prepare {folder} --out DIR")


def _spread(rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """At most ``count`` of ``rows``, evenly spread."""
    return rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int)] if len(rows) else rows


def _filled(pictures: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """``pictures`` and as many white ones as are missing to ``count``."""
    missing = np.full((count - len(pictures), *pictures.shape[1:]), 255, np.uint8)
    return np.concatenate([pictures, missing])
