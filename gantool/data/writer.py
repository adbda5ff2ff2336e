"""Writing a prepared set, picture by picture, in bounded memory."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from gantool import files
from gantool.data import chunks, prepared
from gantool.data.listing import shown

SHARD_BYTES = 1 << 30


class ShardWriter:
    """Appends pictures to ``images-00000.npy``, ``images-00001.npy``, … in ``folder``.

    Args:
        folder: an empty folder.
        shape: height, width and channels of every picture.
        shard_bytes: no shard holds more bytes of pixels (but always at least one picture).
    """

    def __init__(self, folder: Path, shape: tuple[int, int, int], shard_bytes: int = SHARD_BYTES) -> None:
        self.shape = shape
        self.count = 0
        self._folder = folder
        self._per_shard = max(1, shard_bytes // int(np.prod(shape)))
        self._stream: BinaryIO | None = None
        self._mapped: tuple[int, NDArray[np.uint8]] | None = None

    def append(self, pixels: NDArray[np.uint8] | None) -> None:
        """Add one picture, H×W×C; None keeps its place, to be filled by `fill`."""
        if self._stream is None or self.count % self._per_shard == 0:
            self._finish_shard()
            self._stream = self._path(self.count // self._per_shard).open("w+b")
            self._write_length(self._stream, 0)
        self._stream.write(np.zeros(self.shape, np.uint8).data if pixels is None else pixels.data)
        self.count += 1

    def close(self) -> None:
        """Write the last shard's length. Nothing can be appended after this."""
        self._finish_shard()

    def fill(self, row: int, pixels: NDArray[np.uint8]) -> None:
        """Overwrite one picture of the closed shards."""
        number, offset = divmod(row, self._per_shard)
        if self._mapped is None or self._mapped[0] != number:
            self._mapped = (number, np.load(self._path(number), mmap_mode="r+"))
        self._mapped[1][offset] = pixels

    def release(self) -> None:
        """Let go of every file, finished or not."""
        self._mapped = None
        if self._stream is not None:
            self._stream.close()

    def _finish_shard(self) -> None:
        if self._stream is None:
            return
        with self._stream as stream:
            stream.seek(0)
            self._write_length(stream, (self.count - 1) % self._per_shard + 1)
        self._stream = None

    def _write_length(self, stream: BinaryIO, length: int) -> None:
        # numpy pads the header so that a larger first axis fits in the same bytes: its length never changes.
        header = {"descr": "|u1", "fortran_order": False, "shape": (length, *self.shape)}
        np.lib.format.write_array_header_1_0(stream, header)

    def _path(self, number: int) -> Path:
        return self._folder / f"images-{number:05d}.npy"


def write_companions(
    folder: Path,
    *,
    labels: NDArray[np.int64] | None,
    split: NDArray[np.uint8],
    skipped: Sequence[tuple[str, str]],
) -> None:
    """Write ``labels.npy``, ``split.npy`` and ``skipped.txt``, as far as there is something to write."""
    if labels is not None:
        np.save(folder / prepared.LABELS, labels)
    np.save(folder / prepared.SPLIT, split)
    if skipped:
        (folder / prepared.SKIPPED).write_text(fault_list(skipped), encoding="utf-8")


def fault_list(faults: Sequence[tuple[str, str]]) -> str:
    """One line a picture: its name and what is wrong with it."""
    return "".join(f"{shown(name)}: {reason}\n" for name, reason in faults)


def seal(folder: Path, facts: Mapping[str, Any]) -> None:
    """Hash every file, write ``dataset.json`` last, and make all of it durable."""
    header = dict(facts)
    header["files"] = {
        path.name: {"bytes": path.stat().st_size, "sha256": chunks.hashes(path)} for path in _files(folder)
    }
    header["fingerprint"] = prepared.fingerprint_of(header)
    (folder / prepared.HEADER).write_text(json.dumps(header, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    for path in _files(folder):
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
    files.sync_folder(folder)


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted(path for path in folder.iterdir() if path.is_file())
