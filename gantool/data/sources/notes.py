"""What is written about pictures beside them: labels and captions, from tables and from small files of their own.

A table (see `tables`) speaks for its folder and all folders below it. A picture ``0001.jpg`` can also have ``0001.cls``
(its label), ``0001.txt`` or ``0001.caption`` (its caption) and ``0001.json`` (either) beside it, as WebDataset names
them; a name counts up to its first dot there. A table's word goes before that of a small file.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from gantool.data.decode import BadPicture
from gantool.data.sources.classes import as_label
from gantool.data.sources.tables import TABLES, TableError, has_no_labels, parsed, rows_of
from gantool.errors import DataError
from gantool.legible import legible

TABLE_LIMIT = 256 << 20
ASIDE_LIMIT = 1 << 20
LABEL_COLUMNS = ("label", "labels", "fine_label")
CAPTION_COLUMNS = ("caption", "text")

Read = Callable[[int], bytes]
"""The content of a file of at most so many bytes; BadPicture for more."""

_PLAIN_CAPTIONS = (".txt", ".caption")
_ASIDE = (".cls", ".json", *_PLAIN_CAPTIONS)


class Note(NamedTuple):
    """What is known about one picture."""

    label: str | None = None
    caption: str | None = None


_NOTHING = Note()


def is_table(name: str) -> bool:
    """Whether the file ``name`` is called as a table is."""
    return PurePosixPath(name).name in TABLES


def is_note(name: str) -> bool:
    """Whether the file ``name`` may say something about pictures."""
    return is_table(name) or PurePosixPath(name).suffix in _ASIDE


def keys_of(name: str) -> tuple[str, ...]:
    """What ties ``name`` to its neighbours: its path without the suffix, and up to the first dot of the file's name."""
    file = name.rpartition("/")[2]
    folder = name[: len(name) - len(file)]
    return folder + (file.rpartition(".")[0] or file), folder + (file.partition(".")[0] or file)


class Notes:
    """Gathers what is said, file by file.

    Args:
        place: how messages call the folder or archive.
        strict: whether a table that cannot be understood is a DataError; else it is passed over.

    Attributes:
        passed_over: tables that were not understood, and why.
        dense: whether the labels are numbers from 0 of which some may be unused (StyleGAN's).
        unlabelled: whether a ``dataset.json`` says that there are no labels.
    """

    def __init__(self, place: str, *, strict: bool) -> None:
        self.passed_over: list[tuple[str, str]] = []
        self.dense = False
        self.unlabelled = False
        self._place = place
        self._strict = strict
        self._rows: dict[str, Note] = {}
        self._said_at: dict[str, str] = {}
        self._plain: dict[str, Note] = {}
        self._json: dict[str, Note] = {}
        self._misfits: list[tuple[str, str]] = []

    def add(self, name: str, read: Read) -> None:
        """Take in the file ``name`` (one that `is_note`).

        Raises:
            DataError: a table that cannot be understood, where that is ``strict``.
        """
        try:
            if is_table(name):
                self._add_table(name, read(TABLE_LIMIT))
            else:
                self._add_aside(name, read(ASIDE_LIMIT))
        except BadPicture as error:
            if is_table(name):
                self._refuse(name, f" {error}")
            else:
                self._misfits.append((name, str(error)))
        except TableError as error:
            self._refuse(name, str(error))

    def of(self, picture: str) -> Note:
        """What is known about ``picture``."""
        if not (self._rows or self._plain or self._json):
            return _NOTHING
        keys = keys_of(picture)
        said = [self._rows.get(picture, _NOTHING)]
        said += [notes.get(key, _NOTHING) for notes in (self._plain, self._json) for key in keys]
        label = next((note.label for note in said if note.label is not None), None)
        return Note(label, next((note.caption for note in said if note.caption is not None), None))

    def astray(self, pictures: Collection[str]) -> list[tuple[str, str]]:
        """Rows about pictures that are not among ``pictures``, and files beside one of them that make no sense."""
        said_at = self._said_at.items()
        rows = [(name, f"named in {there}, but not there") for name, there in said_at if name not in pictures]
        if not self._misfits:
            return rows
        keys = {key for name in pictures for key in keys_of(name)}
        return rows + [(name, reason) for name, reason in self._misfits if keys_of(name)[0] in keys]

    def _add_table(self, name: str, content: bytes) -> None:
        table = PurePosixPath(name)
        if table.name == "dataset.json":
            self.unlabelled |= has_no_labels(content)
        rows: dict[str, tuple[Note, str]] = {}
        for row in rows_of(table.name, content):
            picture = _joined(table.parent, row.file)
            where = name if row.line is None else f"{name}:{row.line}"
            try:
                note = self._note(row.fields)
            except TypeError as error:
                raise TableError(f"{row.line or ''}: {error}") from None
            before, there = rows.get(picture, (self._rows.get(picture, note), self._said_at.get(picture, where)))
            if self._strict and None not in (before.label, note.label) and before.label != note.label:
                also = f"the label {before.label} in {legible(there)} already"
                raise TableError(f"{row.line or ''}: {legible(row.file, 80)} has {also}")
            rows[picture] = Note(before.label or note.label, before.caption or note.caption), there
        for picture, (note, where) in rows.items():
            self._rows[picture], self._said_at[picture] = note, where
        self.dense |= table.name == "dataset.json" and bool(rows)

    def _note(self, fields: Mapping[str, Any]) -> Note:
        """Label and caption of a row.

        Raises:
            TypeError: for a label that is none, where that is ``strict``.
        """
        try:
            label = as_label(next((fields[key] for key in LABEL_COLUMNS if fields.get(key) is not None), None))
        except TypeError:
            if self._strict:
                raise
            label = None
        said = (fields.get(key) for key in CAPTION_COLUMNS)
        return Note(label, next((text.strip() for text in said if isinstance(text, str) and text.strip()), None))

    def _add_aside(self, name: str, content: bytes) -> None:
        key, suffix = keys_of(name)[0], PurePosixPath(name).suffix
        try:
            text = content.decode("utf-8-sig").strip()
            if suffix == ".json":
                fields = parsed(text)
                self._json[key] = self._note(fields) if isinstance(fields, dict) else _NOTHING
                return
        except (TypeError, ValueError) as error:  # no text, no JSON, no label
            self._misfits.append((name, f"not understood ({str(error)[:80]})"))
            return
        before = self._plain.get(key, _NOTHING)
        if suffix == ".cls":
            self._plain[key] = before._replace(label=text or None)
        else:
            self._plain[key] = before._replace(caption=text or before.caption)

    def _refuse(self, name: str, reason: str) -> None:
        if self._strict:
            raise DataError(f"{self._place}: {legible(name)}:{reason}; mend it, or set data.labels to none or folders")
        self.passed_over.append((name, f"not understood:{'' if reason.startswith(' ') else ' line '}{reason}"))


def _joined(folder: PurePosixPath, file: str) -> str:
    """``file`` as named in a table of ``folder``. It is only looked up among the pictures found, never opened."""
    parts: list[str] = list(folder.parts)
    for part in file.replace("\\", "/").split("/"):
        if part == "..":
            if not parts:
                return file  # no picture is called so
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
