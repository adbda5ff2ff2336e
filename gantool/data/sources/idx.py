"""A folder of MNIST-style IDX files: ``train-images-idx3-ubyte``, ``t10k-labels.idx1-ubyte.gz`` and their like.

The train files are what is trained on. With ``holdout: official`` the t10k files are the hold-out; with a fraction
they are left alone, so that they stay unseen (and are taken as training pictures only where there are no others).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gantool.data.base import Channels, DataSettings, Item
from gantool.data.idxfile import IdxFile
from gantool.data.listing import existing_folder, found_at, state_of
from gantool.errors import DataError

_NAME = re.compile(r"(train|t10k|test)-(images|labels)[-.]idx\d-ubyte(\.gz)?")
Part = Literal["train", "test"]


class Idx(DataSettings):
    """A folder of MNIST-style files."""

    official_split: ClassVar[bool] = True
    source: Literal["idx"] = "idx"
    path: str
    class_names: tuple[str, ...] | None = None
    """Names for labels 0, 1, …; None numbers them."""

    def open(self) -> IdxSource:
        """Find the files."""
        return IdxSource(existing_folder(self.path), self.class_names, with_test=self.holdout == "official")


class IdxSource:
    """The files found in ``folder``."""

    origin: str | None = None
    passed_over: Sequence[tuple[str, str]] = ()

    def __init__(self, folder: Path, class_names: tuple[str, ...] | None, *, with_test: bool) -> None:
        self._open = contextlib.ExitStack()
        self._folder = folder
        self._class_names = class_names
        self._found = idx_files(folder)
        pictures: list[Part] = [part for part in ("train", "test") if (part, "images") in self._found]
        if not pictures:
            names = ", ".join(sorted(path.name for path in folder.iterdir())[:5]) or "nothing"
            raise DataError(
                f"{folder}: no IDX pictures; looked for files such as train-images-idx3-ubyte or"
                f" t10k-images-idx3-ubyte.gz, found {names}"
            )
        if with_test and len(pictures) < 2:
            raise DataError(
                f"{folder}: holdout: official needs both train-images and t10k-images, only {pictures[0]} is here;"
                " set data.holdout: 0.1"
            )
        self._parts = pictures if with_test else pictures[:1]

    @cached_property
    def channels(self) -> Channels:
        """Grey, unless the file has a fourth dimension of 3 or 4."""
        shape = self._images[self._parts[0]].shape
        known: dict[int, Channels] = {1: "grey", 3: "rgb", 4: "rgba"}
        if len(shape) == 3:
            return "grey"
        if shape[3] not in known:
            raise DataError(f"{self._folder}: pictures of {shape[3]} channels; 1, 3 or 4 are understood")
        return known[shape[3]]

    @cached_property
    def classes(self) -> Sequence[str]:
        """The given names, else the numbers from 0 to the largest label."""
        if not self._labels:
            return ()
        largest = max(int(labels.max(initial=0)) for labels in self._labels.values())
        names = self._class_names or tuple(str(number) for number in range(largest + 1))
        if largest >= len(names):
            raise DataError(f"{self._folder}: data.class_names has {len(names)} names, but there is a label {largest}")
        return names

    @cached_property
    def items(self) -> Sequence[Item]:
        """One item a picture, in the order of the files, train before test."""
        items = []
        for part in self._parts:
            labels = self._labels.get(part)
            for index in range(len(self._images[part])):
                label = None if labels is None else int(labels[index])
                official_test = part == "test" and len(self._parts) > 1
                items.append(Item(f"{part}/{index:05d}", label, official_test))
        return items

    def state(self) -> str:
        """Of the files that are read."""
        return state_of(found_at(path, self._folder, path.stat()) for path in sorted(self._found.values()))

    def raw(self, index: int) -> Image.Image:
        """One picture."""
        for part in self._parts:
            if index < len(self._images[part]):
                row = self._images[part].row(index)
                return Image.fromarray(row[:, :, 0] if row.ndim == 3 and row.shape[2] == 1 else row)
            index -= len(self._images[part])
        raise IndexError(index)

    def close(self) -> None:
        """Close the files of pictures."""
        self._open.close()

    @cached_property
    def _images(self) -> dict[Part, IdxFile]:
        opened = (IdxFile(self._found[part, "images"], (3, 4)) for part in self._parts)
        return {
            part: self._open.enter_context(contextlib.closing(file))
            for part, file in zip(self._parts, opened, strict=True)
        }

    @cached_property
    def _labels(self) -> dict[Part, NDArray[np.uint8]]:
        """Labels of each part; nothing at all when one part lacks them."""
        labels: dict[Part, NDArray[np.uint8]] = {}
        for part in self._parts:
            if (part, "labels") not in self._found:
                return {}
            path = self._found[part, "labels"]
            with contextlib.closing(IdxFile(path, (1,))) as file:
                labels[part] = file.all()
            if len(labels[part]) != len(self._images[part]):
                counts = f"{len(labels[part]):,} labels for {len(self._images[part]):,} pictures"
                raise DataError(f"{path}: {counts}; the two files belong to different sets")
        return labels


def idx_files(folder: Path) -> dict[tuple[Part, str], Path]:
    """The files by part and kind; a plain file goes before a gzipped one of the same name."""
    found: dict[tuple[Part, str], Path] = {}
    for path in sorted(folder.iterdir(), key=lambda path: (path.suffix == ".gz", path.name)):
        if (match := _NAME.fullmatch(path.name)) and path.is_file():
            part: Part = "train" if match[1] == "train" else "test"
            found.setdefault((part, match[2]), path)
    return found
