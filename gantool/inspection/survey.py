"""Everything that is known of each picture of a source: read once, in parallel, kept in columns.

Of a picture some four kilobytes are kept, most of them its print; so a hundred thousand fit into half a GB.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gantool.data.base import Source
from gantool.data.measure import Measurement, measuring
from gantool.data.perceptual import PRINT_BYTES
from gantool.data.wire import Fault
from gantool.data.workers import raws_of, work

Progress = Callable[[str, int, int], None]
"""Called with what is going on, how many are done, and of how many."""

NUMBERS = ("height", "width", "darkest", "lightest", "span", "sharpness", "bars", "margin", "edge")
FLAGS = ("colourful", "transparent", "rotated", "animated")
_TELL_EVERY = 64


@dataclass(frozen=True)
class Survey:
    """A source, looked at.

    A *picture* is an index into ``names``; a *row* counts the readable ones: ``pictures[row]``.
    """

    names: Sequence[str]
    labels: NDArray[np.int64]
    """The class of each picture, an index into ``classes``; -1 where it has none."""
    classes: Sequence[str]
    tests: NDArray[np.bool]
    """Which pictures the source's makers, or its preparation, held out."""
    captions: int
    faults: Mapping[int, str]
    """Why a picture cannot be read."""
    passed_over: Sequence[tuple[str, str]]
    """Name and reason of files that are no pictures for us."""
    pictures: NDArray[np.int64]
    """The readable ones, ascending."""
    numbers: Mapping[str, NDArray[np.float32]]
    """`NUMBERS` of `Measurement`, one a row."""
    flags: Mapping[str, NDArray[np.bool]]
    """`FLAGS` of `Measurement`, one a row."""
    formats: Sequence[str]
    modes: Sequence[str]
    digests: Sequence[bytes]
    """Of the pixels, one a row."""
    prints: NDArray[np.uint8]
    """uint8 rows×PRINT_BYTES."""

    def __len__(self) -> int:
        return len(self.names)

    def label_names(self) -> list[str | None]:
        """The class name of each picture."""
        return [None if label < 0 else self.classes[label] for label in self.labels.tolist()]


def survey(source: Source, *, workers: int | None, progress: Progress) -> Survey:
    """Read and measure every picture of ``source``."""
    items, task = source.items, measuring()
    prints = np.empty((len(items), PRINT_BYTES), np.uint8)  # memory is only taken as rows are filled
    columns: dict[str, list[float]] = {name: [] for name in (*NUMBERS, *FLAGS)}
    words: dict[str, list[str]] = {"format": [], "mode": []}
    digests: list[bytes] = []
    pictures: list[int] = []
    faults: dict[int, str] = {}
    outcomes = work(raws_of(source, range(len(items))), task, workers, len(items))
    with contextlib.closing(outcomes):
        for number, outcome in enumerate(outcomes):
            if isinstance(outcome, Fault):
                faults[number] = outcome.reason
            else:
                if outcome.print is not None:
                    prints[len(pictures)] = outcome.print
                pictures.append(number)
                digests.append(bytes.fromhex(outcome.pixels))
                _append(columns, words, outcome)
            if (number + 1) % _TELL_EVERY == 0 or number + 1 == len(items):
                progress("read", number + 1, len(items))
    return Survey(
        names=[item.name for item in items],
        labels=np.array([-1 if item.label is None else item.label for item in items], np.int64),
        classes=source.classes,
        tests=np.array([item.official_test for item in items], np.bool),
        captions=sum(item.caption is not None for item in items),
        faults=faults,
        passed_over=source.passed_over,
        pictures=np.array(pictures, np.int64),
        numbers={name: np.array(columns[name], np.float32) for name in NUMBERS},
        flags={name: np.array(columns[name], np.bool) for name in FLAGS},
        formats=words["format"],
        modes=words["mode"],
        digests=digests,
        prints=prints[: len(pictures)],
    )


def _append(columns: Mapping[str, list[float]], words: Mapping[str, list[str]], found: Measurement) -> None:
    for name, column in columns.items():
        column.append(getattr(found, name))
    for name, column_of_words in words.items():
        column_of_words.append(getattr(found, name))
