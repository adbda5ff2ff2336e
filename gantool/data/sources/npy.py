"""NumPy's ``.npy`` format, row by row, from a file or from a member of an ``.npz``. Nothing is ever unpickled.

A file is memory-mapped. A member of an ``.npz`` is read front to back, and begun again for an earlier row.
"""

from __future__ import annotations

import math
import warnings
import zipfile
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gantool.data.sources.zipped import FAULTS, unreadable
from gantool.errors import DataError

WHOLE_LIMIT = 256 << 20
"""Bytes of an array that is taken into memory whole: labels and names of classes."""

_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


class Rows(Protocol):
    """An array that is read along its first axis."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def row(self, index: int) -> NDArray[Any]:
        """A copy of one row, in this machine's byte order."""

    def whole(self) -> NDArray[Any]:
        """All of it, up to `WHOLE_LIMIT`."""

    def close(self) -> None:
        """Close what is open."""


class _Header:
    """What an array is like: read and judged before anything else is."""

    def __init__(self, stream: IO[bytes], place: str) -> None:
        try:
            self.shape, self.fortran, self.dtype = _parsed(stream)
        except Exception as error:  # a header of nonsense makes numpy's parser raise almost anything
            raise DataError(f"{place}: damaged or no npy array ({' '.join(str(error).split())[:120]})") from error
        if self.dtype.hasobject:
            raise DataError(
                f"{place}: holds pickled objects, which could run code and are never loaded; save it as plain numbers"
            )
        if not self.shape or min(self.shape) < 0 or self.dtype.names or not self.dtype.itemsize:
            raise DataError(f"{place}: an array of shape {self.shape} and type {self.dtype} cannot hold rows")
        self.start = stream.tell()
        self.bytes = math.prod(self.shape) * self.dtype.itemsize

    def check(self, size: int, place: str, *, streamed: bool = False) -> None:
        """Refuse an array that ends too early or too late, or whose rows do not lie one after the other."""
        if streamed and self.fortran and len(self.shape) > 1:
            raise DataError(f"{place}: stored column by column; save np.ascontiguousarray of it")
        if size != self.start + self.bytes:
            stated = f"its header states {self.start + self.bytes:,}"
            raise DataError(f"{place}: truncated or damaged: has {size:,} bytes, {stated}; fetch it again")


def _parsed(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether columns come first, and type."""
    version = np.lib.format.read_magic(stream)
    if version not in _READERS:  # a third is for arrays of records
        raise ValueError(f"version {version[0]}.{version[1]}; save it as plain numbers")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about headers that Python 2 wrote
        return _READERS[version](stream)


class Mapped:
    """The array in the file ``path``."""

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as stream:
                header = _Header(stream, str(path))
            header.check(path.stat().st_size, str(path))
            self.shape, self.dtype = header.shape, header.dtype
            order = "F" if header.fortran else "C"
            self._array: NDArray[Any] = np.empty(self.shape, self.dtype)
            if header.bytes:
                self._array = np.memmap(path, self.dtype, "r", header.start, self.shape, order)  # type: ignore[call-overload]
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error

    def row(self, index: int) -> NDArray[Any]:
        """See `Rows`."""
        return _native(np.array(self._array[index]))

    def whole(self) -> NDArray[Any]:
        """See `Rows`."""
        return _native(np.array(self._array))

    def close(self) -> None:
        """Let the mapping go."""
        self._array = np.empty(0, self.dtype)


class Member:
    """The array ``name`` (without .npy) in an ``.npz`` that is open."""

    def __init__(self, file: zipfile.ZipFile, name: str) -> None:
        self._place = f"{file.filename}: {name}"
        try:
            info = file.getinfo(f"{name}.npy")
            if reason := unreadable(info):
                raise DataError(f"{self._place}: {reason}")
            self._stream = file.open(info)
        except (KeyError, *FAULTS) as error:
            raise self._damaged(error) from error
        try:
            header = _Header(self._stream, self._place)
            header.check(info.file_size, self._place, streamed=True)
        except DataError:
            self._stream.close()
            raise
        self.shape, self.dtype = header.shape, header.dtype
        self._start, self._bytes = header.start, header.bytes

    def row(self, index: int) -> NDArray[Any]:
        """See `Rows`."""
        length = math.prod(self.shape[1:]) * self.dtype.itemsize
        return self._read(self._start + index * length, length, self.shape[1:])

    def whole(self) -> NDArray[Any]:
        """See `Rows`."""
        if self._bytes > WHOLE_LIMIT:
            raise DataError(f"{self._place}: more than {WHOLE_LIMIT >> 20} MiB; these cannot be labels")
        return self._read(self._start, self._bytes, self.shape)

    def close(self) -> None:
        """Close the member."""
        self._stream.close()

    def _read(self, start: int, length: int, shape: tuple[int, ...]) -> NDArray[Any]:
        try:
            if self._stream.tell() != start:
                self._stream.seek(start)
            content = self._stream.read(length)
        except FAULTS as error:
            raise self._damaged(error) from error
        if len(content) < length:
            raise self._damaged(EOFError("truncated"))
        return _native(np.frombuffer(content, self.dtype).reshape(shape))

    def _damaged(self, error: BaseException) -> DataError:
        reason = " ".join(str(error).split()) or type(error).__name__
        return DataError(f"{self._place}: damaged ({reason}); fetch it again")


def _native(values: NDArray[Any]) -> NDArray[Any]:
    return values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))
