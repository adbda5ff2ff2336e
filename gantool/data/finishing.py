"""The end of a preparation: near duplicates found, the split drawn, everything described, hashed and made durable.

All of it follows from what was decoded, so that it can be done again after a kill.
"""

from __future__ import annotations

import logging
import math
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantool.data import prepared, split
from gantool.data.base import DEPTH
from gantool.data.decode import Picture
from gantool.data.duplicates import near_duplicates
from gantool.data.journal import Journal
from gantool.data.perceptual import PRINT_BYTES
from gantool.data.plan import Plan, Progress, Tally
from gantool.data.workshop import Workshop
from gantool.data.writer import ShardWriter, seal, write_companions
from gantool.errors import DataError

_log = logging.getLogger(__name__)


class Finish:
    """The end of making ``plan`` in ``shop``.

    Args:
        facts: what else ``dataset.json`` says.
    """

    def __init__(self, plan: Plan, shop: Workshop, tally: Tally, facts: Mapping[str, Any], progress: Progress) -> None:
        self._plan = plan
        self._shop = shop
        self._tally = tally
        self._facts = facts
        groups = self._groups(progress)
        self._duplicates: list[tuple[int, int]] = []
        self._disputed = 0
        if plan.settings.deduplicate:
            self._duplicates = [pair for group in groups for pair in self._left_out(group)]
        self._stays = np.ones(len(tally.kept), bool)
        self._stays[[row for row, _ in self._duplicates]] = False
        place = np.cumsum(self._stays) - 1
        staying = ([int(place[row]) for row in group if self._stays[row]] for group in groups)
        self._parts = self._split([group for group in staying if len(group) > 1])

    def run(self, key: str) -> Path:
        """The folder of the finished set, in the workshop; ``key`` is that of the journal."""
        folder = self._thinned() if self._duplicates else self._shop.set
        for path in folder.iterdir():  # of one who was killed at this point
            if not path.name.startswith("images-"):
                path.unlink()
        items = self._plan.source.items
        labels = [items[number].label for number in self._numbers]
        journal = Journal(self._shop.journal, key)
        try:
            write_companions(
                folder,
                labels=np.array(labels, np.int64) if self._plan.source.classes else None,
                split=self._parts,
                records=self._records(journal),
                lists={prepared.SKIPPED: self._tally.faults, prepared.DUPLICATES: self._duplicate_list()},
            )
        finally:
            journal.close()
        seal(folder, {**self._facts, **self._counts()})
        self._say()
        return folder

    @property
    def _numbers(self) -> list[int]:
        """Of the pictures that stay, in order."""
        return [number for number, stays in zip(self._tally.kept, self._stays, strict=True) if stays]

    def _groups(self, progress: Progress) -> list[list[int]]:
        """Rows that are near duplicates of each other, where it matters."""
        count = len(self._tally.kept)
        if not self._plan.options.prints:
            return []
        progress("compare", 0, count)
        prints = np.memmap(self._shop.prints, np.uint8, "r", shape=(count, PRINT_BYTES))
        groups = near_duplicates(prints, np.array(self._tally.sizes, np.int64))
        progress("compare", count, count)
        return groups

    def _left_out(self, group: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Each row of a group that goes, and the one that stays: the one with the most pixels, then the first.

        One stays of each class: which label is right is for a person to decide.
        """
        items, by_label = self._plan.source.items, defaultdict(list)
        for row in group:
            by_label[items[self._tally.kept[row]].label].append(row)
        self._disputed += len(by_label) > 1
        for rows in by_label.values():
            best = max(rows, key=lambda row: (math.prod(self._tally.sizes[row]), -row))
            yield from ((row, best) for row in rows if row != best)

    def _split(self, groups: Sequence[Sequence[int]]) -> NDArray[np.uint8]:
        plan = self._plan
        kept = [plan.source.items[number] for number in self._numbers]
        if plan.settings.holdout == "official":
            parts = split.official([item.official_test for item in kept])
            if not parts.any():
                raise DataError(f"{plan.where}: no official test split here; set data.holdout: 0.1")
        else:
            parts = split.drawn([item.label for item in kept], plan.settings.holdout, plan.seed, groups)
        if np.count_nonzero(parts == split.TRAIN) < 2:
            raise DataError(f"{plan.where}: fewer than 2 pictures are left to train on; lower data.holdout")
        return parts

    def _thinned(self) -> Path:
        """Copy the rows that stay."""
        folder = self._shop.thinned
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        height, width = self._tally.size or (0, 0)
        writer = ShardWriter(folder, (height, width, DEPTH[self._plan.options.channels]))
        row = 0
        for path in sorted(self._shop.set.glob("images-*.npy")):
            for pixels in np.load(path, mmap_mode="r", allow_pickle=False):
                if self._stays[row]:
                    writer.append(np.ascontiguousarray(pixels))
                row += 1
        writer.close()
        return folder

    def _records(self, journal: Journal) -> Iterator[Mapping[str, Any]]:
        pictures = ((number, found) for number, found in journal.entries() if isinstance(found, Picture))
        for stays, (number, picture) in zip(self._stays, pictures, strict=True):
            if stays:
                item = self._plan.source.items[number]
                yield {
                    "name": item.name,
                    "sha256": picture.sha256,
                    "height": picture.height,
                    "width": picture.width,
                    "label": item.label,
                    "caption": item.caption,
                }

    def _duplicate_list(self) -> list[tuple[str, str]]:
        plan, kept = self._plan, self._tally.kept
        return [
            (plan.source.items[kept[row]].name, f"near duplicate of {plan.name(kept[best])}")
            for row, best in sorted(self._duplicates)
        ]

    def _counts(self) -> dict[str, Any]:
        """What `dataset.json` says of the pictures."""
        held = int(np.count_nonzero(self._parts))
        height, width = self._tally.size or (0, 0)
        low, high = self._tally.extent
        return {
            "shape": [DEPTH[self._plan.options.channels], height, width],
            "counts": {"train": len(self._parts) - held, "holdout": held},
            "range": {"setting": self._plan.settings.range, "extent": [low, high] if low <= high else None},
            "skipped": len(self._tally.faults),
            "duplicates": len(self._duplicates),
            "animated": self._tally.animated,
        }

    def _say(self) -> None:
        if self._tally.faults:
            _log.warning("%s: %d unreadable pictures left out", self._plan.where, len(self._tally.faults))
        if self._disputed:
            _log.warning(
                "%s: %d pictures stand under several classes, and stay under each; gantool data check names them",
                self._plan.where,
                self._disputed,
            )
        if self._tally.animated:
            _log.warning("%s: of %d animations the first frame was taken", self._plan.where, self._tally.animated)
