"""A folder of pictures: any tree of PNG, JPEG, WebP, BMP, TIFF and GIF files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

from gantool.data.base import Channels, DataSettings, Item
from gantool.data.decode import SUFFIXES, BadPicture
from gantool.data.listing import Found, existing_folder, files_below, others, state_of
from gantool.data.sources.classes import require_label
from gantool.data.sources.names import is_picture, why_not
from gantool.data.sources.notes import Notes, Read, is_note, is_table, keys_of
from gantool.data.sources.tree import Labelled, Labels, Tree, check_tops, labelled, suggested
from gantool.errors import DataError


class Folder(DataSettings):
    """A folder of pictures, with all folders in it."""

    source: Literal["folder"] = "folder"
    path: str
    labels: Labels = "none"
    """A picture's class. ``folders``: the first folder below ``path`` that it lies in. ``metadata``: what
    metadata.jsonl, metadata.csv, dataset.json or files of its own name (.cls, .json) say."""

    def open(self) -> FolderSource:
        """Find the pictures."""
        return FolderSource(existing_folder(self.path), self.labels)


class FolderSource:
    """The pictures found below ``folder``: their names, sizes and times, not their pixels."""

    channels: Channels = "rgb"
    origin: str | None = None

    def __init__(self, folder: Path, labels: Labels) -> None:
        found = files_below(folder)
        self._folder = folder
        self._labels = labels
        self._pictures = [file for file in found if is_picture(file.name)]
        if not self._pictures:
            raise DataError(
                f"{folder}: no pictures; looked for {' '.join(SUFFIXES)} in it and in all folders below it,"
                f" {others(found)}"
            )
        self._others = [file for file in found if not is_picture(file.name)]
        if labels == "folders":
            names = [file.name for file in self._pictures]
            check_tops(str(folder), names, [_top(name) for name in names])

    @property
    def classes(self) -> Sequence[str]:
        """The folders with pictures in them, or the labels that were written, sorted."""
        return self._labelled.classes

    @property
    def items(self) -> Sequence[Item]:
        """One item a file, sorted by its relative path."""
        return self._labelled.items

    @cached_property
    def passed_over(self) -> Sequence[tuple[str, str]]:
        """Pictures of other formats, archives, and words about pictures that are not there."""
        named = [(file.name, why_not(file.name, inside=False)) for file in self._others]
        looked_at = [(name, why) for name, why in named if why is not None]
        known = {name for name, _ in looked_at}
        astray = [entry for entry in self._labelled.astray if entry[0] not in known]
        return [*looked_at, *self._tree.notes.passed_over, *astray]

    def suggested_labels(self) -> Labels:
        """What ``labels`` most likely should be."""
        return suggested(self._tree)

    def state(self) -> str:
        """Of all pictures, and of what is written about them."""
        return state_of([*self._pictures, *self._notes])

    def raw(self, index: int) -> Path:
        """One file."""
        require_label(self.items[index], self.classes)
        return self._pictures[index].path

    def close(self) -> None:
        """Nothing is open."""

    @cached_property
    def _notes(self) -> Sequence[Found]:
        """The tables, and the small files that stand beside a picture."""
        notes = [file for file in self._others if is_note(file.name)]
        keys = {key for file in self._pictures for key in keys_of(file.name)} if notes else set()
        return [file for file in notes if is_table(file.name) or keys_of(file.name)[0] in keys]

    @cached_property
    def _tree(self) -> Tree:
        notes = Notes(str(self._folder), strict=self._labels == "metadata")
        for file in self._notes:
            notes.add(file.name, _reader(file.path))
        names = [file.name for file in self._pictures]
        return Tree(str(self._folder), names, [_top(name) for name in names], notes)

    @cached_property
    def _labelled(self) -> Labelled:
        return labelled(self._tree, self._labels)


def _reader(path: Path) -> Read:
    def read(limit: int) -> bytes:
        try:
            with path.open("rb") as stream:
                content = stream.read(limit + 1)
        except OSError as error:
            raise BadPicture(f"cannot be read: {error.strerror or error}") from error
        if len(content) > limit:
            raise BadPicture(f"too large: more than {limit >> 20} MiB")
        return content

    return read


def _top(name: str) -> str | None:
    top, slash, _ = name.partition("/")
    return top if slash else None
