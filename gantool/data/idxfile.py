"""MNIST's IDX files: a header of big-endian numbers, then bytes. Plain or gzipped, read front to back.

magic: 0, 0, type (8 = unsigned byte), number of dimensions; then each dimension as 4 bytes; then the values
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from gantool.data.decode import PIXEL_LIMIT
from gantool.errors import DataError

_UNSIGNED_BYTE = 8
_LARGEST = 1 << 40
_DEFLATE_GAINS = 1_032
"""No byte of a gzipped file holds more bytes than that, so memory for what a header makes up is never asked for."""


class IdxFile:
    """One IDX file of unsigned bytes, open for reading. Rows read in ascending order are read in one pass.

    Attributes:
        shape: (count,) for labels, (count, height, width) for grey pictures, (…, channels) for colour.

    Raises:
        DataError: naming the file and what is wrong with it.
    """

    def __init__(self, path: Path, dimensions: tuple[int, ...]) -> None:
        self._path = path
        self._stream: gzip.GzipFile | BinaryIO = gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # noqa: SIM115
        try:
            self.shape = self._read_header(dimensions)
        except DataError:
            self.close()
            raise
        self._start = 4 + 4 * len(self.shape)
        self._row = math.prod(self.shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def row(self, index: int) -> NDArray[np.uint8]:
        """The values of one picture."""
        content = self._bytes(self._start + index * self._row, self._row)
        if index == len(self) - 1 and self._bytes(self._start + len(self) * self._row, 1, exact=False):
            raise DataError(f"{self._path}: holds more than the {len(self):,} that its header states")
        return np.frombuffer(content, np.uint8).reshape(self.shape[1:])

    def all(self) -> NDArray[np.uint8]:
        """Everything: for labels."""
        return np.array([self.row(index) for index in range(len(self))], np.uint8).reshape(self.shape)

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def _read_header(self, dimensions: tuple[int, ...]) -> tuple[int, ...]:
        path, magic = self._path, self._bytes(0, 4)
        if magic[:2] != b"\0\0":
            raise DataError(f"{path}: not an IDX file (it begins with {magic.hex()})")
        if magic[2] != _UNSIGNED_BYTE:
            raise DataError(f"{path}: holds values of type {magic[2]:#04x}; only unsigned bytes (0x08) are read")
        if magic[3] not in dimensions:
            wanted = " or ".join(str(number) for number in dimensions)
            raise DataError(f"{path}: has {magic[3]} dimensions instead of {wanted}")
        shape: tuple[int, ...] = struct.unpack(f">{magic[3]}I", self._bytes(4, 4 * magic[3]))
        values = math.prod(shape)
        if not math.prod(shape[1:]) or values > _LARGEST:
            raise DataError(f"{path}: a header of {'×'.join(map(str, shape))} cannot be right")
        if math.prod(shape[1:3]) > PIXEL_LIMIT:
            sides = "×".join(map(str, shape[1:3]))
            raise DataError(f"{path}: too large: pictures of {sides} pixels, the limit is 100 million")
        stated, size = 4 + 4 * magic[3] + values, path.stat().st_size
        if not (size * _DEFLATE_GAINS >= stated if path.suffix == ".gz" else size == stated):
            raise DataError(f"{path}: has {size:,} bytes; its header states {stated:,}")
        return shape

    def _bytes(self, start: int, length: int, *, exact: bool = True) -> bytes:
        try:
            if self._stream.tell() != start:
                self._stream.seek(start)
            content = self._stream.read(length)
        except EOFError:
            raise DataError(f"{self._path}: truncated; fetch it again") from None
        except (OSError, zlib.error) as error:
            raise DataError(f"{self._path}: damaged ({error}); fetch it again") from error
        if exact and len(content) < length:
            raise DataError(f"{self._path}: truncated: {len(content)} of {length} bytes at {start:,}; fetch it again")
        return content
