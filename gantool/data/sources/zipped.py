"""A zip file as a box of members.

Only stored and deflated members are read: those decompress in bounded pieces, so that what a member really holds is
counted while it is read, whatever its header states.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from gantool.data.decode import BadPicture
from gantool.data.sources.box import Member, most_bytes
from gantool.data.sources.names import UnsafeNameError, cleaned
from gantool.errors import DataError

FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    OverflowError,
    MemoryError,
)
"""What a damaged file makes `zipfile` raise."""

_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENCRYPTED = 0x1


def opened(path: Path) -> zipfile.ZipFile:
    """Open a zip file.

    Raises:
        DataError: when it is none, or truncated.
    """
    try:
        return zipfile.ZipFile(path)
    except FAULTS as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{path}: damaged, truncated or no zip file ({reason}); fetch it again") from error


def unreadable(info: zipfile.ZipInfo) -> str | None:
    """Why a member cannot be read at all; None where it can."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return "a link" if kind == stat.S_IFLNK else "not a regular file"
    if info.flag_bits & _ENCRYPTED:
        return "encrypted; pack it again without a password"
    if info.compress_type not in _METHODS:
        return f"compressed by method {info.compress_type}; pack it again as an ordinary zip"
    return None


class Zip:
    """A zip file, open for reading."""

    any_order = True

    def __init__(self, path: Path) -> None:
        self.passed_over: list[tuple[str, str]] = []
        self._path = path
        self._file = opened(path)
        self._infos = self._file.infolist()

    def walk(self) -> Iterator[Member]:
        """See `Box`."""
        total, most = 0, most_bytes(self._path.stat().st_size)
        for place, info in enumerate(self._infos):
            if info.filename.endswith("/"):  # is_dir() fails on an empty name before Python 3.12
                continue
            try:
                name = cleaned(info.orig_filename)
            except UnsafeNameError as error:
                self.passed_over.append((info.orig_filename, str(error)))
                continue
            if reason := unreadable(info):
                self.passed_over.append((name, reason))
                continue
            total += info.file_size
            if total > most:
                raise DataError(f"{self._path}: states more than {most >> 30} GiB of content: a decompression bomb")
            yield Member(name, info.file_size, place)

    def read(self, member: Member, limit: int) -> bytes:
        """See `Box`."""
        if member.size > limit:  # what it states is the most that `zipfile` gives
            raise BadPicture(f"too large: more than {limit >> 20} MiB")
        try:
            with self._file.open(self._infos[member.place]) as stream:
                content = stream.read(limit + 1)
        except FAULTS as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise BadPicture(f"damaged in its archive ({reason})") from error
        if len(content) > limit:
            raise BadPicture(f"too large: more than {limit >> 20} MiB")
        return content

    def close(self) -> None:
        """See `Box`."""
        self._file.close()
