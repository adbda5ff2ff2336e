"""Writing a prepared set, picture by picture, in bounded memory."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from gantool import files
from gantool.data import chunks, prepared
from gantool.errors import DataError
from gantool.legible import escaped, legible

SHARD_BYTES = 1 << 30


class ShardWriter:
    """Appends pictures to ``images-00000.npy``, ``images-00001.npy``, … in ``folder``.

    Args:
        folder: where the shards lie.
        shape: height, width and channels of every picture.
        count: pictures that are in the folder already; what follows them is cut off.
        shard_bytes: no shard holds more bytes of pixels (but always at least one picture); None takes `SHARD_BYTES`.

    Raises:
        EOFError: when the folder holds fewer than ``count`` pictures of this shape.
    """

    def __init__(
        self, folder: Path, shape: tuple[int, int, int], count: int = 0, shard_bytes: int | None = None
    ) -> None:
        self.shape = shape
        self.count = count
        self._folder = folder
        self._per_shard = max(1, (shard_bytes or SHARD_BYTES) // int(np.prod(shape)))
        self._stream: BinaryIO | None = None
        self._mapped: tuple[int, np.memmap[Any, np.dtype[np.uint8]]] | None = None
        self._go_on()

    def append(self, pixels: NDArray[np.uint8] | None) -> None:
        """Add one picture, H×W×C; None keeps its place, to be filled by `fill`."""
        if self._stream is None or self.count % self._per_shard == 0:
            self._finish_shard()
            self._stream = self._path(self.count // self._per_shard).open("w+b")
            self._write_length(self._stream, 0)
        self._stream.write(np.zeros(self.shape, np.uint8).data if pixels is None else pixels.data)
        self.count += 1

    def sync(self) -> None:
        """Wait until all that was appended or filled is on the disk."""
        if self._stream is not None:
            sync(self._stream)
        if self._mapped is not None:
            self._mapped[1].flush()

    def close(self) -> None:
        """Write the last shard's length. Nothing can be appended after this."""
        self._finish_shard()

    def fill(self, row: int, pixels: NDArray[np.uint8]) -> None:
        """Overwrite one picture of the closed shards; rows ascend."""
        number, offset = divmod(row, self._per_shard)
        if self._mapped is None or self._mapped[0] != number:
            self.sync()
            self._mapped = (number, np.load(self._path(number), mmap_mode="r+", allow_pickle=False))
        self._mapped[1][offset] = pixels

    def release(self) -> None:
        """Let go of every file, finished or not."""
        self._mapped = None
        if self._stream is not None:
            self._stream.close()

    def _go_on(self) -> None:
        """Cut off what follows the pictures that are there, and open the last shard for more."""
        shards = -(-self.count // self._per_shard)
        for path in sorted(self._folder.glob("images-*.npy"))[shards:]:
            path.unlink()
        for number in range(shards):
            rows = min(self._per_shard, self.count - number * self._per_shard)
            path = self._path(number)
            if not path.exists():
                raise EOFError
            stream = path.open("r+b")
            self._write_length(stream, rows)
            length = stream.tell() + rows * int(np.prod(self.shape))
            if stream.seek(0, os.SEEK_END) < length:
                stream.close()
                raise EOFError
            stream.truncate(length)
            stream.seek(length)
            if number < shards - 1:
                stream.close()
            else:
                self._stream = stream

    def _finish_shard(self) -> None:
        if self._stream is None:
            return
        with self._stream as stream:
            stream.seek(0)
            self._write_length(stream, (self.count - 1) % self._per_shard + 1)
            sync(stream)
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
    records: Iterable[Mapping[str, Any]],
    lists: Mapping[str, Sequence[tuple[str, str]]],
) -> None:
    """Write what stands beside the shards; of ``lists``, file → (name, reason), those that hold something.

    Raises:
        DataError: for a picture of which too much is said to be read again.
    """
    if labels is not None:
        np.save(folder / prepared.LABELS, labels)
    np.save(folder / prepared.SPLIT, split)
    with (folder / prepared.RECORDS).open("w", encoding="ascii") as lines:
        lines.writelines(map(_line, records))
    for name, faults in lists.items():
        if faults:
            (folder / name).write_text(fault_list(faults), encoding="utf-8")


def _line(record: Mapping[str, Any]) -> str:
    line = json.dumps(record) + "\n"
    if len(line) > prepared.RECORD_LIMIT:
        raise DataError(
            f"{legible(record['name'])}: its name and caption take {len(line) / 1e6:,.1f} MB, "
            f"{prepared.RECORD_LIMIT / 1e6:,.1f} MB may be kept; shorten the caption"
        )
    return line


def sync(stream: BinaryIO) -> None:
    """Wait until what was written to ``stream`` is on the disk."""
    stream.flush()
    os.fsync(stream.fileno())


def fault_list(faults: Sequence[tuple[str, str]]) -> str:
    """One line a picture: its name and what is wrong with it."""
    return "".join(f"{escaped(name)}: {escaped(reason)}\n" for name, reason in faults)


def seal(folder: Path, facts: Mapping[str, Any]) -> None:
    """Hash every file, write ``dataset.json`` last, and make all of it durable."""
    header = dict(facts)
    header["files"] = {
        path.name: {"bytes": path.stat().st_size, "sha256": chunks.hashes(path)} for path in _files(folder)
    }
    header["fingerprint"] = prepared.fingerprint_of(header)
    header["digest"] = prepared.digest_of(header)
    (folder / prepared.HEADER).write_text(json.dumps(header, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    for path in _files(folder):
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
    files.sync_folder(folder)


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted(path for path in folder.iterdir() if path.is_file())
