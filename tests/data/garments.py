"""The embedded pictures as numbers, read here and not by gantool; and any source read back into the same form."""

from __future__ import annotations

import contextlib
import gzip
import inspect
import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gantool.data import DataSettings
from gantool.data.sources.embedded import CLASSES, Embedded


class Garments(NamedTuple):
    pixels: NDArray[np.uint8]
    """N×28×28"""
    labels: list[int]

    @property
    def classes(self) -> list[str]:
        return [CLASSES[label] for label in self.labels]

    @property
    def captions(self) -> list[str]:
        return [f"a {name}, № {number}" for number, name in enumerate(self.classes)]


class Content(NamedTuple):
    names: list[str]
    pixels: list[NDArray[Any]]
    classes: list[str | None]
    """The name of each picture's class."""
    captions: list[str | None]


@cache
def garments(count: int) -> Garments:
    folder = Path(inspect.getfile(Embedded)).parents[1] / "embedded"
    with (
        gzip.open(folder / "t10k-images-idx3-ubyte.gz") as images,
        gzip.open(folder / "t10k-labels-idx1-ubyte.gz") as labels,
    ):
        pixels = np.frombuffer(images.read()[16:], np.uint8).reshape(-1, 28, 28)
        numbers = np.frombuffer(labels.read()[8:], np.uint8)
    return Garments(pixels[:count], numbers[:count].tolist())


@cache
def pngs(count: int) -> Sequence[bytes]:
    return [png(pixels) for pixels in garments(count).pixels]


def png(pixels: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def content_of(settings: DataSettings, order: Sequence[int] | None = None) -> Content:
    """Everything in a source; pictures are asked for in ``order``, or ascending."""
    with contextlib.closing(settings.open()) as source:
        items = source.items
        assert len({item.name for item in items}) == len(items)
        found: dict[int, NDArray[Any]] = {}
        for index in range(len(items)) if order is None else order:
            raw = source.raw(index)
            if isinstance(raw, bytes):
                raw = Image.open(io.BytesIO(raw))
            elif isinstance(raw, Path):
                raw = Image.open(io.BytesIO(raw.read_bytes()))
            found[index] = np.asarray(raw)
        return Content(
            [item.name for item in items],
            [found[index] for index in range(len(items))],
            [None if item.label is None else source.classes[item.label] for item in items],
            [item.caption for item in items],
        )
