"""Where a set is made before it appears: a hidden folder beside its place, held by one process at a time.

``.NAME.part`` keeps what was done when its process is killed, so that the next one goes on. The kernel lets go of its
lock then. Where a system or a file system has no such locks, the folder is one process's own and ends with it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from gantool import files
from gantool.data import prepared
from gantool.errors import ResourceError, UsageError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_HAS_LOCKS = fcntl is not None

FORGOTTEN_AFTER = 7 * 24 * 3600
"""Seconds after which a half-made set in the cache that nobody goes on with is removed."""

_MARK = ".part"
_LOCK = "lock"
_CONTENT = frozenset((_LOCK, "journal.jsonl", "prints.bin", "set", "thinned"))


class Workshop:
    """A folder that this process holds.

    Attributes:
        journal: where the journal lies.
        prints: where the prints lie.
        set: the folder of the set in the making.
        thinned: the folder of the set with pictures left out of it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.journal = folder / "journal.jsonl"
        self.prints = folder / "prints.bin"
        self.set = folder / "set"
        self.thinned = folder / "thinned"
        self.set.mkdir(exist_ok=True)

    def clear(self) -> None:
        """Begin anew."""
        for path in (self.journal, self.prints):
            path.unlink(missing_ok=True)
        for folder in (self.thinned, self.set):
            shutil.rmtree(folder, ignore_errors=True)
        self.set.mkdir(exist_ok=True)

    def publish(self, made: Path, target: Path, *, ours: bool) -> None:
        """Let ``made``, a folder in here, appear as ``target``, and remove the rest.

        When another process was faster, its folder stays and ours goes: both hold the same bytes.

        Args:
            made: the finished set.
            target: where it is to be.
            ours: whether nobody else keeps anything there, as in the cache: a damaged set is then made way with.

        Raises:
            UsageError: when somebody else's files have come to ``target`` meanwhile. What was made stays in here.
        """
        if target.exists() and not (target / prepared.HEADER).exists():
            if ours:  # somebody deleted half of it
                self._remove(target)
            else:
                _require_empty(target)
        try:
            made.rename(target)
        except OSError:
            if not (target / prepared.HEADER).exists():
                raise
        files.sync_folder(target.parent)
        self.discard()

    def discard(self) -> None:
        """Remove all of it."""
        self._remove(self._folder)

    def _remove(self, folder: Path) -> None:
        """Under another name first: nobody meets half of it, and what is left of it is known for what it is."""
        aside = _private(self._folder.parent, folder.name.lstrip("."))
        with contextlib.suppress(FileNotFoundError):
            folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)


def _require_empty(target: Path) -> None:
    """Remove an empty folder; leave any other as it is."""
    try:
        target.rmdir()
    except OSError as error:
        raise UsageError(
            f"{target}: other files have come here meanwhile; move them away and start again: what was prepared is kept"
        ) from error


@contextlib.contextmanager
def workshop(folder: Path, name: str, waiting: Callable[[], None] = lambda: None) -> Iterator[Workshop]:
    """Hold the workshop ``.name.part`` in ``folder``; it keeps what is in it, unless it is published or discarded.

    ``waiting`` is called before this waits for another process that holds it.

    Raises:
        UsageError: when ``folder`` cannot be written, or holds something else by that name.
        ResourceError: when the disk is full.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder)
        place = folder / f".{name}{_MARK}"
        lock = _locked(place, waiting)
        if lock is None:
            place = _private(folder, name)
            place.mkdir()
    except OSError as error:
        raise UsageError(
            f"{folder}: prepared pictures cannot be written here ({error.strerror});"
            " set GANTOOL_CACHE (or --out) to a folder that can"
        ) from error
    try:
        if strange := sorted({path.name for path in place.iterdir()} - _CONTENT):
            raise UsageError(f"{place}: holds {strange[0]}, which is none of ours; move it away")
        yield Workshop(place)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ResourceError(
                f"{folder}: the disk is full; free some space and start again (it goes on), or set GANTOOL_CACHE to"
                " another disk"
            ) from error
        raise
    finally:
        if lock is None:
            shutil.rmtree(place, ignore_errors=True)
        else:
            os.close(lock)


def require_space(folder: Path, needed: int) -> None:
    """Raise ResourceError when fewer than ``needed`` bytes are free on the disk of ``folder``."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ResourceError(
            f"{folder}: preparing the pictures takes {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are free;"
            " free some space, set GANTOOL_CACHE to another disk, or lower data.resolution"
        )


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes of this machine left half removed, or half made where nobody can go on with it."""
    for path in folder.glob(f".*.{socket.gethostname()}.*{_MARK}"):
        process = path.name.removesuffix(_MARK).split(".")[-2]
        if process.isdigit() and not _is_alive(int(process)):
            shutil.rmtree(path, ignore_errors=True)


def remove_forgotten(folder: Path) -> None:
    """Remove the workshops in ``folder``, which is all ours, that nobody has gone on with for long."""
    if not _HAS_LOCKS:
        return
    for place in folder.glob(f".*{_MARK}"):
        lock = place / _LOCK
        with contextlib.suppress(OSError):
            newest = max(path.stat().st_mtime for path in (place, lock, *place.glob("*.*")))
            if time.time() - newest < FORGOTTEN_AFTER or not lock.is_file():
                continue
            descriptor = os.open(lock, os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                Workshop(place).discard()
            finally:
                os.close(descriptor)


def _private(folder: Path, name: str) -> Path:
    """A new name that says whose it is."""
    return folder / f".{name}.{socket.gethostname()}.{os.getpid()}.{secrets.token_hex(4)}{_MARK}"


def _locked(place: Path, waiting: Callable[[], None]) -> int | None:
    """The descriptor of the lock of ``place``, which is made where it is missing; None where there are no locks."""
    if not _HAS_LOCKS:
        return None
    while True:
        place.mkdir(exist_ok=True)
        try:
            descriptor = os.open(place / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        except FileNotFoundError:  # removed this moment, by the process that has finished
            continue
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:  # a network file system without locks
            os.close(descriptor)
            (place / _LOCK).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                place.rmdir()
            return None
        except BaseException:
            os.close(descriptor)
            raise
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), (place / _LOCK).stat()):
                return descriptor
        os.close(descriptor)


def _is_alive(process: int) -> bool:
    if os.name != "posix":
        return True  # on Windows signal 0 would end it
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
