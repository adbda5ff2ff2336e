"""Pictures in NumPy arrays: an ``.npy`` file, or an ``.npz`` with labels and names of classes in it.

Shapes: N×H×W, N×H×W×C or N×C×H×W with 1, 3 or 4 channels; a shape that could be both of the last two is refused. Types:
uint8 and bool; uint16 and floating point for grey, which keep their depth (``data.range`` says what is black and
white); floating point in colour, from 0 to 1 and nothing else. A few gigabytes are no matter: see `npy`.
"""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gantool.data.base import Channels, DataSettings, Item
from gantool.data.decode import PIXEL_LIMIT, BadPicture
from gantool.data.listing import ARRAYS, existing_file, found_at, state_of
from gantool.data.sources import zipped
from gantool.data.sources.classes import numbered, ordered
from gantool.data.sources.npy import Mapped, Member, Rows
from gantool.errors import DataError

TRAIN = (("images", "labels"), ("x_train", "y_train"), ("train_images", "train_labels"), ("x", "y"), ("arr_0", "arr_1"))
TEST = (("x_test", "y_test"), ("test_images", "test_labels"))
"""Names of pictures and of their labels in an ``.npz``, the first that is there counts."""

_CHANNELS: dict[int, Channels] = {1: "grey", 3: "rgb", 4: "rgba"}
_COLOUR_RANGE = 1e-3
"""How far floating-point colour may overshoot 0 and 1: rounding, and no other scale."""

MOST_ROWS = 10_000_000
"""Each picture has a name and a label in memory; a small file can claim any number of them."""


class Arrays(DataSettings):
    """An ``.npy`` or ``.npz`` file. Labels of images.npy stand in labels.npy beside it (x_train.npy: y_train.npy)."""

    official_split: ClassVar[bool] = True
    source: Literal["arrays"] = "arrays"
    path: str

    def open(self) -> ArraysSource:
        """Find the arrays."""
        return ArraysSource(existing_file(self.path), with_test=self.holdout == "official")


class _Part(NamedTuple):
    name: str
    rows: Rows
    labels: Rows | None
    last: bool
    """Whether channels are the last axis (or there is none of them)."""
    depth: int


class ArraysSource:
    """The arrays in the file ``path``; the test arrays too where they are the hold-out."""

    origin: str | None = None
    passed_over: Sequence[tuple[str, str]] = ()

    def __init__(self, path: Path, *, with_test: bool) -> None:
        if not path.name.lower().endswith(ARRAYS):
            raise DataError(f"{path}: source: arrays reads .npy and .npz files")
        self._open = contextlib.ExitStack()
        self._path = path
        self._with_test = with_test

    @cached_property
    def channels(self) -> Channels:
        """As the shape says."""
        return _CHANNELS[self._parts[0].depth]

    @cached_property
    def classes(self) -> Sequence[str]:
        """The ``classes`` of an ``.npz``, else the numbers from 0 to the largest label, or the labels' texts."""
        values = [value for labels in self._labels if labels is not None for value in labels.tolist()]
        if None in (part.labels for part in self._parts) or not values:
            return ()
        if isinstance(values[0], str):
            return ordered(values)
        numbers = numbered(values, str(self._path))
        names = self._class_names or numbers
        if len(numbers) > len(names):
            raise DataError(f"{self._path}: classes has {len(names)} names, but there is a label {numbers[-1]}")
        return names

    @cached_property
    def items(self) -> Sequence[Item]:
        """One item a row, in the order of the array, train before test."""
        items = []
        number_of = {name: number for number, name in enumerate(self.classes)}
        for number, (part, labels) in enumerate(zip(self._parts, self._labels, strict=True)):
            self._check_first(part)
            own: list[int | None] = [None] * part.rows.shape[0]
            if labels is not None and number_of:
                own = [number_of[value] if isinstance(value, str) else value for value in labels.tolist()]
            items += [Item(f"{part.name}/{row:06d}", label, number == 1) for row, label in enumerate(own)]
        if not items:
            raise DataError(f"{self._path}: an array of no pictures")
        return items

    def state(self) -> str:
        """Of the file, and of the one with its labels."""
        files = [self._path, *self._beside]
        return state_of(found_at(path, self._path.parent, path.stat()) for path in files)

    def raw(self, index: int) -> Image.Image:
        """One row as a picture."""
        for part in self._parts:
            if index < part.rows.shape[0]:
                return self._picture(part, index)
            index -= part.rows.shape[0]
        raise IndexError(index)

    def close(self) -> None:
        """Close the arrays."""
        self._open.close()

    def _picture(self, part: _Part, index: int) -> Image.Image:
        values = part.rows.row(index)
        if values.ndim == 3:
            values = values if part.last else values.transpose(1, 2, 0)
            values = values[:, :, 0] if part.depth == 1 else values
        return Image.fromarray(np.ascontiguousarray(_plain(values, part.depth)))

    def _check_first(self, part: _Part) -> None:
        """The scale of floating-point colour is looked at before a whole set of it is refused one by one."""
        if part.depth > 1 and part.rows.dtype.kind == "f" and part.rows.shape[0]:
            try:
                _plain(part.rows.row(0), part.depth)
            except BadPicture as error:
                raise DataError(f"{self._path}: {part.name}: {error}") from error

    @cached_property
    def _file(self) -> zipfile.ZipFile | None:
        """The ``.npz``; None for an ``.npy``."""
        if self._path.suffix.lower() == ".npy":
            return None
        return self._open.enter_context(zipped.opened(self._path))

    @cached_property
    def _keys(self) -> Sequence[str]:
        names = [] if self._file is None else self._file.namelist()
        return [name.removesuffix(".npy") for name in names if name.endswith(".npy")]

    @cached_property
    def _parts(self) -> Sequence[_Part]:
        if self._file is None:
            if self._with_test:
                raise DataError(f"{self._path}: one array has no official test split; set data.holdout: 0.1")
            labels = Mapped(self._beside[0]) if self._beside else None
            return [self._part(self._path.stem, Mapped(self._path), labels)]
        chosen = [next((pair for pair in pairs if pair[0] in self._keys), None) for pairs in (TRAIN, TEST)]
        train, test = chosen[0] or chosen[1] or self._only(), chosen[1]
        if self._with_test and (test is None or test == train):
            raise DataError(f"{self._path}: no official test split in it (x_test, test_images); set data.holdout: 0.1")
        pairs = [train, test] if self._with_test and test else [train]
        return [self._part(images, self._member(images), self._labels_of(labels)) for images, labels in pairs]

    def _only(self) -> tuple[str, str]:
        """The only array that could be pictures."""
        likely = [key for key in self._keys if len(self._member(key).shape) in (3, 4)]
        if len(likely) != 1:
            known = ", ".join(images for images, _ in (*TRAIN, *TEST))
            there = ", ".join(self._keys[:10]) or "nothing"
            raise DataError(f"{self._path}: no array of pictures; looked for {known}, found {there}")
        return likely[0], "labels"

    def _member(self, key: str) -> Member:
        if self._file is None:
            raise RuntimeError("an npy file has no members")
        return self._open.enter_context(contextlib.closing(Member(self._file, key)))

    def _labels_of(self, key: str) -> Member | None:
        if key not in self._keys:
            return None
        member = self._member(key)
        return None if key == "arr_1" and len(member.shape) != 1 else member  # a second array can be anything

    def _part(self, name: str, rows: Rows, labels: Rows | None) -> _Part:
        self._open.callback(rows.close)
        where, shape, kind = f"{self._path}: {name}", rows.shape, rows.dtype.newbyteorder("=")
        last, depth = _axes(shape, where)
        deep = kind == np.uint16 or kind.kind == "f"
        if not (kind in (np.uint8, np.bool_) or deep) or (kind.kind == "f" and kind.itemsize > 8):
            raise DataError(f"{where}: holds {kind}; uint8, bool, uint16 and floating point are read: convert it first")
        if kind == np.uint16 and depth > 1:
            raise DataError(f"{where}: colour of 16 bits a channel is not kept; scale it to uint8 first")
        if not 0 < int(np.prod(shape[1:], dtype=object)) <= PIXEL_LIMIT * 4:
            raise DataError(f"{where}: pictures of {'×'.join(map(str, shape[1:]))} cannot be right")
        if shape[0] > MOST_ROWS:
            raise DataError(f"{where}: {shape[0]:,} pictures; at most {MOST_ROWS:,} are read from one array")
        if labels is not None:
            _check_labels(labels, shape[0], where)
        return _Part(name, rows, labels, last, depth)

    @cached_property
    def _labels(self) -> Sequence[NDArray[Any] | None]:
        return [None if part.labels is None else part.labels.whole().reshape(-1) for part in self._parts]

    @cached_property
    def _class_names(self) -> tuple[str, ...] | None:
        return tuple(str(name) for name in self._member("classes").whole()) if "classes" in self._keys else None

    @cached_property
    def _beside(self) -> Sequence[Path]:
        """The file of labels beside an ``.npy``, where there is one."""
        stem = self._path.stem
        names = [stem.replace("images", "labels"), stem.replace("x_", "y_"), f"{stem}_labels"]
        paths = [self._path.with_name(f"{name}.npy") for name in names if name != stem]
        single = self._path.suffix.lower() == ".npy"
        return [path for path in paths if path.is_file()][:1] if single else []


def _axes(shape: tuple[int, ...], where: str) -> tuple[bool, int]:
    """Whether channels are last, and how many there are."""
    size = "×".join(map(str, shape))
    if len(shape) == 3:
        if shape[2] in (3, 4):
            raise DataError(f"{where}: {size} looks like one picture; pictures are N×H×W or N×H×W×C")
        return True, 1
    if len(shape) != 4:
        raise DataError(f"{where}: {size} are no pictures; reshape them to N×H×W or N×H×W×C")
    last, first = shape[3] in _CHANNELS, shape[1] in _CHANNELS
    if last and first and shape[1:] != (1, 1, 1):
        raise DataError(f"{where}: {size} could be N×H×W×C or N×C×H×W; make the pictures larger or the order plain")
    if not last and not first:
        raise DataError(f"{where}: {size}: 1, 3 or 4 channels are understood, as the last axis or the second")
    return last, shape[3] if last else shape[1]


def _check_labels(labels: Rows, count: int, where: str) -> None:
    if labels.shape not in ((count,), (count, 1)):
        size = "×".join(map(str, labels.shape))
        raise DataError(f"{where}: labels of shape {size} for {count:,} pictures; one class a picture is read")
    if labels.dtype.kind not in "iuU":
        raise DataError(f"{where}: labels of type {labels.dtype}; whole numbers and text are read")


def _plain(values: NDArray[Any], depth: int) -> NDArray[Any]:
    """Values in a type that Pillow has: uint8, uint16 or float32.

    Raises:
        BadPicture: floating-point colour that is not from 0 to 1.
    """
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * 255
    if values.dtype.kind != "f":
        return values
    if depth == 1:
        return values.astype(np.float32)
    low, high = float(values.min()), float(values.max())
    if not (low >= -_COLOUR_RANGE and high <= 1 + _COLOUR_RANGE):
        found = f"values from {low:g} to {high:g}"
        raise BadPicture(f"{found}: colour in floating point is read as 0 to 1; scale it, or store uint8")
    return (values.astype(np.float64) * 255).round().clip(0, 255).astype(np.uint8)
