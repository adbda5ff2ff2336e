"""The public sets that torchvision knows, by the name of their class.

torchvision is loaded only when a set has to be prepared. Some of its readers unpickle the files that they have
checked against a known hash; that is its business, and nothing is downloaded unless it is asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

from PIL import Image

from gantool.data.base import Channels, DataSettings, Item
from gantool.data.listing import files_below, state_of
from gantool.errors import DataError

Name = Literal[
    "CIFAR10",
    "CIFAR100",
    "CelebA",
    "DTD",
    "EuroSAT",
    "FGVCAircraft",
    "FashionMNIST",
    "Flowers102",
    "Food101",
    "KMNIST",
    "MNIST",
    "OxfordIIITPet",
    "STL10",
    "SVHN",
    "USPS",
]
Arguments = dict[str, Any]

_BY_FLAG: tuple[Arguments, Arguments] = ({"train": True}, {"train": False})
_BY_NAME: tuple[Arguments, Arguments] = ({"split": "train"}, {"split": "test"})
SPLITS: dict[Name, tuple[Arguments, Arguments | None]] = {
    "CIFAR10": _BY_FLAG,
    "CIFAR100": _BY_FLAG,
    "CelebA": _BY_NAME,
    "DTD": _BY_NAME,
    "EuroSAT": ({}, None),
    "FGVCAircraft": ({"split": "trainval"}, {"split": "test"}),
    "FashionMNIST": _BY_FLAG,
    "Flowers102": _BY_NAME,
    "Food101": _BY_NAME,
    "KMNIST": _BY_FLAG,
    "MNIST": _BY_FLAG,
    "OxfordIIITPet": ({"split": "trainval"}, {"split": "test"}),
    "STL10": _BY_NAME,
    "SVHN": _BY_NAME,
    "USPS": _BY_FLAG,
}
"""How each class is asked for its training and its test split; None: its makers made no test split."""


class Torchvision(DataSettings):
    """A set that torchvision reads."""

    official_split: ClassVar[bool] = True
    source: Literal["torchvision"] = "torchvision"
    path: str
    """The root folder that torchvision keeps its sets in."""
    dataset: Name
    download: bool = False

    def open(self) -> TorchvisionSource:
        """The set; it is loaded when its pictures are asked for."""
        return TorchvisionSource(self)


class TorchvisionSource:
    """The training split, and the test split where that is the hold-out."""

    origin: str | None = None
    passed_over: Sequence[tuple[str, str]] = ()

    def __init__(self, settings: Torchvision) -> None:
        self._root = Path(settings.path).expanduser()
        self._settings = settings

    @cached_property
    def channels(self) -> Channels:
        """As the first picture has them."""
        return "grey" if self.raw(0).mode in ("1", "L") else "rgb"

    @cached_property
    def classes(self) -> Sequence[str]:
        """As the set names them, else the numbers of its labels; none for sets of attributes (CelebA)."""
        if any(_labels(part) is None for part in self._parts):
            return ()
        if names := getattr(self._parts[0], "classes", None):
            return [str(name) for name in names]
        largest = max(max(_labels(part) or [0]) for part in self._parts)
        return [str(number) for number in range(largest + 1)]

    @cached_property
    def items(self) -> Sequence[Item]:
        """One item a picture, in the set's own order, train before test."""
        items = []
        for name, part in zip(("train", "test"), self._parts, strict=False):
            labels = _labels(part) if self.classes else None
            for index in range(len(part)):
                items.append(Item(f"{name}/{index:06d}", None if labels is None else labels[index], name == "test"))
        return items

    def state(self) -> str:
        """Of all files below the root: which of them belong to the set only torchvision knows."""
        return state_of(files_below(self._root) if self._root.is_dir() else [])

    def raw(self, index: int) -> Image.Image:
        """One picture."""
        for number, part in enumerate(self._parts):
            if index < len(part):
                return self._picture(number, index)
            index -= len(part)
        raise IndexError(index)

    def close(self) -> None:
        """Nothing is open that outlives the set."""

    def _picture(self, part: int, index: int) -> Image.Image:
        picture = self._parts[part][index][0]
        if not isinstance(picture, Image.Image):
            raise TypeError(f"{self._settings.dataset} gives {type(picture).__name__}, not pictures")
        return picture

    @cached_property
    def _parts(self) -> list[Any]:
        train, test = SPLITS[self._settings.dataset]
        if self._settings.holdout != "official":
            return [self._load(train)]
        if test is None:
            raise DataError(f"{self._settings.dataset} has no official test split; set data.holdout: 0.1")
        return [self._load(train), self._load(test)]

    def _load(self, arguments: Arguments) -> Any:
        name, download = self._settings.dataset, self._settings.download
        kind = getattr(importlib.import_module("torchvision.datasets"), name)
        try:
            return kind(root=str(self._root), **arguments, download=download)
        except (RuntimeError, OSError, ImportError, ValueError) as error:
            reason = " ".join(str(error).split())
            if download:
                raise DataError(f"{self._root}: {name} could not be downloaded or read: {reason}") from error
            raise DataError(
                f"{self._root}: torchvision finds no {name} here ({reason}); put its files there, or set"
                " data.download: true to fetch them"
            ) from error


def _labels(part: Any) -> list[int] | None:
    """One class a picture; None for sets that have attributes instead."""
    for key in ("targets", "labels", "_labels"):
        found = getattr(part, key, None)
        if found is not None:
            return [int(label) for label in found]
    return None
