"""A folder of pictures: any tree of PNG, JPEG, WebP, BMP, TIFF and GIF files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Literal

from gantool.data.base import Channels, DataSettings, Item
from gantool.data.decode import SUFFIXES
from gantool.data.listing import Found, existing_folder, files_below, shown, state_of
from gantool.errors import DataError


class Folder(DataSettings):
    """A folder of pictures, with all folders in it."""

    source: Literal["folder"] = "folder"
    path: str
    labels: Literal["none", "folders"] = "none"
    """``folders``: a picture's class is the first folder below ``path`` that it lies in."""

    def open(self) -> FolderSource:
        """Find the pictures."""
        return FolderSource(existing_folder(self.path), labelled=self.labels == "folders")


class FolderSource:
    """The pictures found below ``folder``: their names, sizes and times, not their pixels."""

    channels: Channels = "rgb"
    origin: str | None = None

    def __init__(self, folder: Path, *, labelled: bool) -> None:
        found = files_below(folder)
        self._folder = folder
        self._labelled = labelled
        self._pictures = [file for file in found if file.path.suffix.lower() in SUFFIXES]
        if not self._pictures:
            raise DataError(
                f"{folder}: no pictures; looked for {' '.join(SUFFIXES)} in it and in all folders below it,"
                f" {_others(found)}"
            )
        if labelled:
            self._check_classes()

    @cached_property
    def classes(self) -> Sequence[str]:
        """The folders with pictures in them, sorted."""
        return sorted({_top(file.name) for file in self._pictures}) if self._labelled else ()

    @cached_property
    def items(self) -> Sequence[Item]:
        """One item a file, sorted by its relative path."""
        label_of = {name: label for label, name in enumerate(self.classes)}
        return [Item(file.name, label_of.get(_top(file.name))) for file in self._pictures]

    def state(self) -> str:
        """Of all pictures."""
        return state_of(self._pictures)

    def raw(self, index: int) -> Path:
        """One file."""
        return self._pictures[index].path

    def close(self) -> None:
        """Nothing is open."""

    def _check_classes(self) -> None:
        stray = [file.name for file in self._pictures if "/" not in file.name]
        if stray:
            raise DataError(
                f"{self._folder}: labels: folders, but {len(stray)} pictures lie in no class folder, such as"
                f" {shown(stray[0])}; move each into a folder named after its class, or set data.labels: none"
            )
        if len(self.classes) < 2:
            raise DataError(
                f"{self._folder}: labels: folders, but all pictures are of one class ({self.classes[0]}); point"
                " data.path at the folder that holds the class folders, or set data.labels: none"
            )


def _top(name: str) -> str:
    return name.split("/", 1)[0]


def _others(found: Sequence[Found]) -> str:
    """What is there instead of pictures."""
    kinds = Counter(PurePosixPath(file.name).suffix.lower() or "no suffix" for file in found)
    most = ", ".join(kind for kind, _ in kinds.most_common(4))
    return f"found {len(found)} other files ({most})" if found else "found no files at all"
