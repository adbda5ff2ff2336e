"""Pictures in parquet files, as Hugging Face stores them: one file, or a folder of them by split.

A file belongs to the split that its name or its folder begins with: ``data/train-00000-of-00002.parquet``,
``test/0000.parquet``. The train files are what is trained on. With ``holdout: official`` the test files (or, where
there are none, the validation files) are the hold-out; with a fraction they are left alone, so that they stay unseen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar, Literal, NamedTuple

from gantool.data.base import Channels, DataSettings, Item
from gantool.data.listing import PARQUET, Found, files_at, state_of
from gantool.data.sources.classes import as_label, ordered, require_label
from gantool.data.sources.columns import ParquetFile
from gantool.errors import DataError

Part = Literal["train", "validation", "test"]
_SPLIT = re.compile(r"(?:partial-)?(train|test|validation|valid|val|dev)(?![a-z])")


class Parquet(DataSettings):
    """A parquet file, a folder of them, or those that a ``*`` matches."""

    official_split: ClassVar[bool] = True
    source: Literal["parquet"] = "parquet"
    path: str
    column: str | None = None
    """The column of pictures; None takes image, img, or the only one that holds pictures."""
    label_column: str | None = None
    """The column of labels; None takes label, labels or fine_label, where there is one of these."""

    def open(self) -> ParquetSource:
        """Find the files; their rows are looked at when they are asked for."""
        return ParquetSource(self)


class _Rows(NamedTuple):
    classes: Sequence[str]
    items: Sequence[Item]
    places: Sequence[tuple[int, int]]
    """File and row of each picture."""


class ParquetSource:
    """The rows of the files. One file is open at a time."""

    channels: Channels = "rgb"
    origin: str | None = None
    passed_over: Sequence[tuple[str, str]] = ()

    def __init__(self, settings: Parquet) -> None:
        self._settings = settings
        self._files = self._chosen(files_at(settings.path, PARQUET))
        self._open: tuple[int, ParquetFile] | None = None

    @property
    def classes(self) -> Sequence[str]:
        """The names that the files give, else the labels, sorted."""
        return self._rows.classes

    @property
    def items(self) -> Sequence[Item]:
        """One item a row, file by file, train before test."""
        return self._rows.items

    def state(self) -> str:
        """Of the files that are read."""
        return state_of(file for file, _ in self._files)

    def raw(self, index: int) -> bytes:
        """The content of one picture's file."""
        require_label(self.items[index], self.classes)
        file, row = self._rows.places[index]
        return self._file(file).picture(row)

    def close(self) -> None:
        """Close the file that is open."""
        if self._open is not None:
            self._open[1].close()
        self._open = None

    def _chosen(self, found: Sequence[Found]) -> list[tuple[Found, bool]]:
        """The files to read, and whether each is of the official test split."""
        parts: dict[Part, list[Found]] = {"train": [], "validation": [], "test": []}
        for file in found:
            parts[_part_of(file.name)].append(file)
        test = parts["test"] or parts["validation"]
        if self._settings.holdout != "official":
            return [(file, False) for file in parts["train"] or test]
        if not (parts["train"] and test):
            raise DataError(
                f"{self._settings.path}: holdout: official needs files of both splits, such as train-….parquet and"
                " test-….parquet; set data.holdout: 0.1"
            )
        return [*((file, False) for file in parts["train"]), *((file, True) for file in test)]

    def _file(self, number: int) -> ParquetFile:
        if self._open is None or self._open[0] != number:
            self.close()
            settings, path = self._settings, self._files[number][0].path
            self._open = number, ParquetFile(path, settings.column, settings.label_column)
        return self._open[1]

    @cached_property
    def _rows(self) -> _Rows:
        """What all files say, without their pictures."""
        labels: list[str | None] = []
        items: list[Item] = []
        places: list[tuple[int, int]] = []
        names: tuple[str, ...] | None = None
        for number, (found, is_test) in enumerate(self._files):
            file = self._file(number)
            if number and file.columns.class_names != names:
                raise DataError(f"{found.path}: names other classes than {self._files[0][0].name}; these are two sets")
            names = file.columns.class_names
            for row, (value, caption) in enumerate(file.said()):
                labels.append(_label(value, names, found))
                items.append(Item(f"{found.name}/{row:06d}", None, is_test, caption))
                places.append((number, row))
        if not items:
            raise DataError(f"{self._settings.path}: no rows in it")
        there = {label for label in labels if label is not None}
        classes = (names or ordered(there)) if there else ()
        number_of = {name: number for number, name in enumerate(classes)}
        numbers = (None if label is None else number_of[label] for label in labels)
        return _Rows(classes, [item._replace(label=own) for item, own in zip(items, numbers, strict=True)], places)


def _label(value: Any, names: Sequence[str] | None, found: Found) -> str | None:
    """A row's label by name; Hugging Face's -1 is none."""
    if names is None or value is None:
        return as_label(value)
    if not isinstance(value, int):
        if (label := as_label(value)) is not None and label not in names:
            raise DataError(f"{found.path}: names the classes {', '.join(names[:10])}, but there is a label {label!r}")
        return label
    if value >= len(names):
        raise DataError(f"{found.path}: names {len(names)} classes, but there is a label {value}")
    return names[value] if value >= 0 else None


def _part_of(name: str) -> Part:
    """The split that a file's name, or else its nearest folder, says; train where nothing does."""
    for part in reversed(name.lower().split("/")):
        if match := _SPLIT.match(part):
            said = match[1]
            return "train" if said == "train" else "test" if said == "test" else "validation"
    return "train"
