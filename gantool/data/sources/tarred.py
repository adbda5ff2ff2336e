"""A tar file as a box of members, plain or compressed.

The headers are read by `tarfile`, once; contents are read by us, from where they lie. A compressed tar is read front to
back and begun again only when something earlier is asked for.
"""

from __future__ import annotations

import bz2
import gzip
import importlib
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Self

from gantool.data.decode import BadPicture
from gantool.data.sources.box import Member, most_bytes
from gantool.data.sources.names import UnsafeNameError, cleaned
from gantool.errors import DataError

_FAULTS = (
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    OSError,
    EOFError,
    ValueError,
    OverflowError,
    RecursionError,
    MemoryError,
)
_LONGEST_HEADER = 1 << 20
_WORDS = {
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
}
"""Members that describe the next one; `tarfile` takes them into memory whole."""

Open = Callable[[Path], Any]


class _Damaged(Exception):
    """A header that cannot be right."""


class _Header(tarfile.TarInfo):
    """A header that is refused where `tarfile` would believe it, or would take it for the end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            return super().frombuf(buf, encoding, errors)
        except (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError) as error:  # type: ignore[attr-defined]
            raise _Damaged(str(error)) from error

    def _proc_member(self, tar: tarfile.TarFile) -> Any:
        if self.size < 0 or (self.type in _WORDS and self.size > _LONGEST_HEADER):
            raise _Damaged(f"a header of {self.size:,} bytes")
        return super()._proc_member(tar)  # type: ignore[misc]


class Tar:
    """A tar file, open for reading."""

    def __init__(self, path: Path) -> None:
        self.passed_over: list[tuple[str, str]] = []
        self._path = path
        try:
            opener = _opener(path)
            self.any_order = opener is _plain
            self._stream: BinaryIO = opener(path)
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error

    def walk(self) -> Iterator[Member]:
        """See `Box`."""
        most = most_bytes(self._path.stat().st_size)
        try:
            self._stream.seek(0)
            with tarfile.open(fileobj=self._stream, mode="r:", tarinfo=_Header) as tar:
                before = 0
                while (info := tar.next()) is not None:
                    tar.members.clear()  # type: ignore[attr-defined] # it would keep a record of everything
                    before = self._checked(info, before, tar.offset, most)
                    if (member := self._offered(info)) is not None:
                        yield member
        except (*_FAULTS, _Damaged) as error:
            raise self._damaged(error) from error

    def read(self, member: Member, limit: int) -> bytes:
        """See `Box`."""
        if member.size > limit:
            raise BadPicture(f"too large: more than {limit >> 20} MiB")
        try:
            self._stream.seek(member.place)
            content = self._stream.read(member.size)
        except _FAULTS as error:
            raise self._damaged(error) from error
        if len(content) < member.size:
            raise self._damaged(EOFError("truncated"))
        return content

    def close(self) -> None:
        """See `Box`."""
        self._stream.close()

    def _checked(self, info: tarfile.TarInfo, before: int, after: int, most: int) -> int:
        """Where the next header stands, before it is looked for: that decompresses all of this member."""
        if not before < after or info.size < 0:
            raise _Damaged("members that overlap")
        if after > most:
            raise DataError(f"{self._path}: states more than {most >> 30} GiB of content: a decompression bomb")
        return after

    def _offered(self, info: tarfile.TarInfo) -> Member | None:
        if info.isdir():
            return None
        try:
            name = cleaned(info.name)
        except UnsafeNameError as error:
            self.passed_over.append((info.name, str(error)))
            return None
        if not info.isreg() or info.issparse():
            link = info.issym() or info.islnk()
            self.passed_over.append((name, "a link" if link else "not a regular file"))
            return None
        return Member(name, info.size, info.offset_data)

    def _damaged(self, error: BaseException) -> DataError:
        reason = " ".join(str(error).split()) or type(error).__name__
        return DataError(f"{self._path}: damaged, truncated or no tar file ({reason}); fetch it again")


def _plain(path: Path) -> BinaryIO:
    return path.open("rb")


def _zstandard(path: Path) -> Any:
    try:
        return importlib.import_module("compression.zstd").open(path)
    except ModuleNotFoundError:
        raise DataError(
            f"{path}: compressed by zstd, which Python reads from 3.14 on; unpack it (zstd -d) or pack it as .tar.gz"
        ) from None


_OPENERS: tuple[tuple[bytes, Open], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\0", lzma.open),
    (b"\x28\xb5\x2f\xfd", _zstandard),
)


def _opener(path: Path) -> Open:
    """By what the file begins with: suffixes are often wrong."""
    with path.open("rb") as stream:
        start = stream.read(6)
    return next((opener for magic, opener in _OPENERS if start.startswith(magic)), _plain)
