"""Everything that is known of each picture of a source: read once, in parallel, kept in columns.

Of a picture some four kilobytes are kept, most of them its print; so a hundred thousand fit into half a GB.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gantool.data.base import Source
from gantool.data.blas import one_thread
from gantool.data.duplicates import CROPS_UP_TO
from gantool.data.measure import Measurement, measuring
from gantool.data.perceptual import PRINT_BYTES, window_hashes
from gantool.data.wire import Fault
from gantool.data.workers import raws_of, work

Progress = Callable[[str, int, int], None]
"""Called with what is going on, how many are done, and of how many."""

NUMBERS = ("height", "width", "darkest", "lightest", "span", "sharpness", "bars", "margin", "edge")
FLAGS = ("colourful", "transparent", "rotated", "animated")
_TELL_EVERY = 64
_ROWS_AT_ONCE = 400


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
    windows: NDArray[np.uint8] | None = None
    """`perceptual.window_hashes` of the prints, in a set that is small enough to look for crops."""

    def __len__(self) -> int:
        return len(self.names)

    def label_names(self) -> list[str | None]:
        """The class name of each picture."""
        return [None if label < 0 else self.classes[label] for label in self.labels.tolist()]


@one_thread()
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
    with contextlib.closing(outcomes), _Windows(prints) as windows:
        for number, outcome in enumerate(outcomes):
            if isinstance(outcome, Fault):
                faults[number] = outcome.reason
            else:
                if outcome.print is not None:
                    prints[len(pictures)] = outcome.print
                pictures.append(number)
                digests.append(bytes.fromhex(outcome.pixels))
                _append(columns, words, outcome)
                windows.reached(len(pictures))
            if (number + 1) % _TELL_EVERY == 0 or number + 1 == len(items):
                progress("read", number + 1, len(items))
        found = windows.of(len(pictures))
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
        windows=found,
    )


class _Windows:
    """Hashes of windows, computed while pictures are still read: this process has little else to do.

    Always the same rows at once, so that the bits do not depend on how quickly pictures come.

    Args:
        prints: rows that are still to be filled; in a large set nothing is done.
    """

    def __init__(self, prints: NDArray[np.uint8]) -> None:
        self._prints = prints
        self._wanted = len(prints) <= CROPS_UP_TO
        self._started = 0
        self._parts: list[Future[NDArray[np.uint8]]] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="windows")

    def __enter__(self) -> _Windows:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def reached(self, rows: int) -> None:
        """So many rows are filled."""
        if self._wanted and rows - self._started >= _ROWS_AT_ONCE:
            self._start(rows)

    def of(self, rows: int) -> NDArray[np.uint8] | None:
        """The hashes of all rows; None in a large set."""
        if not self._wanted:
            return None
        self._start(rows)
        return np.concatenate([part.result() for part in self._parts])

    def _start(self, rows: int) -> None:
        self._parts.append(self._thread.submit(window_hashes, self._prints[self._started : rows]))
        self._started = rows


def _append(columns: Mapping[str, list[float]], words: Mapping[str, list[str]], found: Measurement) -> None:
    for name, column in columns.items():
        column.append(getattr(found, name))
    for name, column_of_words in words.items():
        column_of_words.append(getattr(found, name))
