"""From raw pictures to a prepared set in the cache, once.

Every picture is decoded to its end, fitted, and appended to the set; what cannot be decoded is gathered and reported
together. Pictures deeper than 8 bits with ``range: auto`` are decoded twice: their common range is known only after
all were seen. The result is the same to the last byte for any number of processes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from PIL import ImageColor

from gantool import files
from gantool.data import cache, prepared, split
from gantool.data.base import DEPTH, DataSettings, Item, Source
from gantool.data.decode import BadPicture, Options, Picture, decode_image
from gantool.data.listing import shown
from gantool.data.worker import Fault
from gantool.data.workers import decode_files
from gantool.data.writer import ShardWriter, fault_list, seal, write_companions
from gantool.errors import DataError

VERSION = 1
"""Raised whenever the same pictures would be stored as other bytes."""

Progress = Callable[[str, int, int], None]
"""Called with what is going on, how many are done, and of how many."""

_LISTED = 20
_TELL_EVERY = 64

_log = logging.getLogger(__name__)


def prepare(settings: DataSettings, *, seed: int, progress: Progress | None = None, workers: int | None = None) -> Path:
    """The folder of the prepared set for ``settings``; made when the cache does not have it.

    Args:
        settings: the ``data`` section of a config.
        seed: of the experiment; decides the hold-out split.
        progress: called every few pictures.
        workers: decoding processes; None chooses.

    Raises:
        DataError: no pictures, too few, unreadable ones, wrong labels, sizes that differ.
        UsageError: the cache cannot be written.
        ResourceError: no space on the disk, no memory.
    """
    if (folder := settings.ready()) is not None:
        return folder
    with contextlib.closing(settings.open()) as source:
        folder = cache.sets_folder() / _key(settings, source, seed)
        if (folder / prepared.HEADER).is_file():
            return folder
        if not source.items:
            raise DataError(f"{settings.path}: no pictures in it")
        # A source that downloads has other files now than a moment ago.
        folder = cache.sets_folder() / _key(settings, source, seed)
        if not (folder / prepared.HEADER).is_file():
            with cache.workshop(folder) as temporary:
                _Preparation(settings, source, seed, temporary, folder.name, progress or _silent).run(workers)
    return folder


def _key(settings: DataSettings, source: Source, seed: int) -> str:
    """The set's name in the cache: nothing in it depends on where the pictures lie."""
    content = {
        "versions": [VERSION, prepared.FORMAT],
        "state": source.state(),
        "settings": _without_path(settings),
        "seed": _seed_of_split(settings, seed),
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return f"{_without_path(settings)['source']}-{digest[:20]}"


def _seed_of_split(settings: DataSettings, seed: int) -> int | None:
    """None where nothing is drawn: such a set is the same for every seed, and is made once."""
    return None if settings.holdout in (0, "official") else seed


def _without_path(settings: DataSettings) -> dict[str, Any]:
    return settings.model_dump(mode="json", exclude={"path", "download"})


def _silent(what: str, done: int, total: int) -> None:
    """Report nothing."""


class _Preparation:
    """The making of the set ``name`` in ``folder``."""

    def __init__(
        self, settings: DataSettings, source: Source, seed: int, folder: Path, name: str, progress: Progress
    ) -> None:
        self._settings = settings
        self._source = source
        self._seed = seed
        self._folder = folder
        self._name = name
        self._progress = progress
        self._options = Options(
            size=settings.size,
            channels=settings.channels or source.channels,
            fit=settings.fit,
            background=_rgb(settings.background),
            span=settings.range,
        )
        self._writer: ShardWriter | None = None
        self._kept: list[int] = []
        self._deep: list[int] = []
        self._extent = (float("inf"), float("-inf"))
        self._faults: list[tuple[str, str]] = []
        self._animated = 0

    def run(self, workers: int | None) -> None:
        """Fill the folder."""
        items = self._source.items
        if self._options.size is not None:
            height, width = self._options.size
            cache.require_space(self._folder, len(items) * height * width * DEPTH[self._options.channels])
        with contextlib.ExitStack() as stack:
            stack.callback(self._release)
            records = stack.enter_context((self._folder / prepared.RECORDS).open("w", encoding="utf-8"))
            decoded = self._outcomes(range(len(items)), self._options, workers, "decode")
            for number, outcome in enumerate(stack.enter_context(contextlib.closing(decoded))):
                if isinstance(outcome, Fault):
                    self._faults.append((items[number].name, outcome.reason))
                else:
                    self._take(number, outcome)
                    records.write(_record(items[number], outcome))
            self._judge()
            if self._writer is not None:
                self._writer.close()
                self._measure(self._writer, workers)
        self._finish()

    def _outcomes(
        self, numbers: Sequence[int], options: Options, workers: int | None, what: str
    ) -> Generator[Picture | Fault, None, None]:
        """Decode the pictures ``numbers``, in order: in processes where they are files, else here."""
        if isinstance(self._source.raw(numbers[0]), Path):
            paths = [cast("Path", self._source.raw(number)) for number in numbers]
            outcomes = decode_files(paths, options, workers)
        else:
            outcomes = (self._here(number, options) for number in numbers)
        with contextlib.closing(outcomes):
            for done, outcome in enumerate(outcomes, start=1):
                yield outcome
                if done % _TELL_EVERY == 0 or done == len(numbers):
                    self._progress(what, done, len(numbers))

    def _take(self, number: int, picture: Picture) -> None:
        """Append one decoded picture, or keep a place for one whose range is not known yet."""
        if picture.pixels is None:
            self._deep.append(number)
        if picture.extent is not None:
            low, high = picture.extent
            self._extent = min(self._extent[0], low), max(self._extent[1], high)
        height, width = self._options.size or (picture.height, picture.width)
        shape = (height, width, DEPTH[self._options.channels])
        if self._writer is None:
            self._writer = ShardWriter(self._folder, shape)
        if shape != self._writer.shape:
            first = self._source.items[self._kept[0]].name
            raise DataError(
                f"{self._where}: the pictures differ in size: {shown(first)} has"
                f" {self._writer.shape[1]}×{self._writer.shape[0]} pixels and"
                f" {shown(self._source.items[number].name)} has {width}×{height}; set data.resolution (for example"
                " 64) and they are all brought to it"
            )
        self._writer.append(picture.pixels)
        self._kept.append(number)
        self._animated += picture.animated

    def _judge(self) -> None:
        """Stop for unreadable pictures, unless they are to be skipped, and for a set that is too small."""
        if self._faults and not self._settings.skip_bad:
            report = cache.cache_folder() / "reports" / f"{self._name}.txt"
            report.parent.mkdir(parents=True, exist_ok=True)
            files.write_text(report, fault_list(self._faults))
            first = "".join(f"  {line}\n" for line in fault_list(self._faults[:_LISTED]).splitlines())
            more = len(self._faults) - _LISTED
            raise DataError(
                f"{self._where}: {len(self._faults)} of {len(self._source.items)} pictures cannot be used:\n{first}"
                + (f"  … and {more} more\n" if more > 0 else "")
                + f"The whole list: {report}\nMend or remove them, or set data.skip_bad: true to leave them out."
            )
        if len(self._kept) < 2:
            raise DataError(
                f"{self._where}: {len(self._kept)} usable picture{'s' * (len(self._kept) != 1)}, at least 2 are"
                " needed to train on (and hundreds for anything worth looking at)"
            )

    def _measure(self, writer: ShardWriter, workers: int | None) -> None:
        """Fill in the pictures deeper than 8 bits, now that their common range is known."""
        if not self._deep:
            return
        rows = {number: row for row, number in enumerate(self._kept)}
        options = self._options._replace(span=self._extent)
        for number, outcome in zip(self._deep, self._outcomes(self._deep, options, workers, "scale"), strict=True):
            if isinstance(outcome, Fault) or outcome.pixels is None:
                name = shown(self._source.items[number].name)
                raise DataError(f"{self._where}: {name} changed while it was being prepared; start again")
            writer.fill(rows[number], outcome.pixels)

    def _finish(self) -> None:
        """Split, describe and seal the set."""
        kept = [self._source.items[number] for number in self._kept]
        parts = self._split(kept)
        labels = [item.label for item in kept]
        with_classes = np.array(labels, np.int64) if self._source.classes else None
        write_companions(self._folder, labels=with_classes, split=parts, skipped=self._faults)
        seal(self._folder, self._facts(int(np.count_nonzero(parts)), len(kept)))
        if self._faults:
            _log.warning("%s: %d unreadable pictures left out", self._where, len(self._faults))
        if self._animated:
            _log.warning("%s: of %d animations the first frame was taken", self._where, self._animated)

    def _split(self, kept: Sequence[Item]) -> Any:
        if self._settings.holdout == "official":
            parts = split.official([item.official_test for item in kept])
            if not parts.any():
                raise DataError(f"{self._where}: no official test split here; set data.holdout: 0.1")
        else:
            parts = split.drawn([item.label for item in kept], self._settings.holdout, self._seed)
        if np.count_nonzero(parts == split.TRAIN) < 2:
            raise DataError(f"{self._where}: fewer than 2 pictures are left to train on; lower data.holdout")
        return parts

    def _facts(self, held: int, count: int) -> dict[str, Any]:
        """`dataset.json`, but for files and fingerprint. No times and no absolute paths: equal sets, equal bytes."""
        if self._writer is None:
            raise RuntimeError("described before anything was written")
        height, width, channels = self._writer.shape
        deep = self._extent[0] <= self._extent[1]
        return {
            "format": prepared.FORMAT,
            "preparer": VERSION,
            "shape": [channels, height, width],
            "channels": self._options.channels,
            "classes": list(self._source.classes),
            "counts": {"train": count - held, "holdout": held},
            "holdout": self._settings.holdout,
            "seed": _seed_of_split(self._settings, self._seed),
            "range": {"setting": self._settings.range, "extent": list(self._extent) if deep else None},
            "settings": _without_path(self._settings),
            "origin": self._source.origin,
            "skipped": len(self._faults),
            "animated": self._animated,
        }

    def _here(self, number: int, options: Options) -> Picture | Fault:
        raw = self._source.raw(number)
        if isinstance(raw, Path):
            raise TypeError(f"{raw}: a source gives files or pictures, not both")
        try:
            return decode_image(raw, options)
        except BadPicture as error:
            return Fault(str(error))

    def _release(self) -> None:
        if self._writer is not None:
            self._writer.release()

    @property
    def _where(self) -> str:
        return self._settings.path or str(_without_path(self._settings)["source"])


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue, *_ = ImageColor.getrgb(colour)
    return red, green, blue


def _record(item: Item, picture: Picture) -> str:
    record = {
        "name": item.name,
        "sha256": picture.sha256,
        "height": picture.height,
        "width": picture.width,
        "label": item.label,
    }
    return json.dumps(record) + "\n"
