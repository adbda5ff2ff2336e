"""Writing files so that a reader sees the old one or the new one, never a half; reading those of strangers.

A temporary file in the same folder, ``fsync``, ``os.replace``, ``fsync`` of the folder. What this does not do:
locking (`rundir`), and protection on network file systems that lie about ``fsync``.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from gantool.errors import UsageError

TEMPORARY_SUFFIX = ".part"


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; what is written there replaces ``path`` when the block ends well.

    The temporary file is removed when the block raises.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY_SUFFIX}")
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)  # noqa: PTH105 - the one call that is atomic, named as POSIX names it
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def require_writable(path: Path) -> None:
    """Find out before long work that a file can be written at ``path``.

    Raises:
        UsageError: naming the file and the reason.
    """
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name a file")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}; make it, or choose another")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from error


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path``, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write ``content`` to ``path`` as UTF-8, whole or not at all."""
    write_bytes(path, content.encode("utf-8"))


def open_regular(path: Path, most_bytes: int) -> BufferedReader:
    """Open a file that anyone may have put there, to read it: never a pipe or a device, which can block for ever.

    Raises:
        OSError: also for what is no regular file, and for one of more than ``most_bytes``.
        ValueError: for a name with a null byte.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    _require_regular(os.stat(path), path, most_bytes)  # noqa: PTH116 - before it is opened: a device may act on that
    descriptor = os.open(path, flags)
    try:
        _require_regular(os.fstat(descriptor), path, most_bytes)  # it may be another by now
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: Path, most_bytes: int) -> bytes:
    """The content of a file that anyone may have put there. Raises as `open_regular` does."""
    with open_regular(path, most_bytes) as stream:
        return stream.read(most_bytes)


def remove_stale_temporaries(folder: Path) -> None:
    """Remove what a killed process left in ``folder``. Only for a folder whose lock is held."""
    for leftover in folder.glob(f".*{TEMPORARY_SUFFIX}"):
        leftover.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` durable, where the system can sync folders (Windows cannot)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _require_regular(found: os.stat_result, path: Path, most_bytes: int) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "no regular file", str(path))
    if found.st_size > most_bytes:
        raise OSError(errno.EFBIG, f"larger than {most_bytes / 1e6:,.6g} MB", str(path))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)  # Windows syncs only what it may write
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
