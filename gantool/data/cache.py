"""Where prepared sets are kept, and how one appears there: whole, at once, by whoever was first."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from gantool import files
from gantool.data import prepared
from gantool.errors import ResourceError, UsageError

LOCAL_CACHE = ".gantool-cache"
_MARK = ".part"


def cache_folder() -> Path:
    """``$GANTOOL_CACHE``, else ``gantool`` in the XDG cache, else ``./.gantool-cache``.

    The last where there is no home folder or it cannot be written. The folder need not exist yet.
    """
    if own := os.environ.get("GANTOOL_CACHE"):
        return Path(own).expanduser().absolute()
    local = Path.cwd() / LOCAL_CACHE
    shared = os.environ.get("XDG_CACHE_HOME")
    if shared and Path(shared).is_absolute():  # the XDG rules: a relative one is invalid and to be ignored
        folder = Path(shared) / "gantool"
    else:
        try:
            home = Path.home()
        except RuntimeError:
            return local
        if not home.is_dir():
            return local
        folder = home / ".cache" / "gantool"
    return folder if _can_write(folder) else local


def sets_folder() -> Path:
    """Where the cache keeps prepared sets."""
    return cache_folder() / "prepared"


def _can_write(folder: Path) -> bool:
    """Whether ``folder`` can be written, or made where it is missing."""
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


@contextlib.contextmanager
def workshop(target: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``target``; it becomes ``target`` when the block ends well.

    When another process was faster, its folder stays and ours goes: both hold the same bytes.

    Raises:
        UsageError: when the cache cannot be written.
        ResourceError: when the disk is full.
    """
    temporary = target.with_name(f".{target.name}.{socket.gethostname()}.{os.getpid()}.{secrets.token_hex(4)}{_MARK}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
    except OSError as error:
        raise UsageError(
            f"{target.parent}: the cache for prepared pictures cannot be written ({error.strerror});"
            " set GANTOOL_CACHE to a folder that can"
        ) from error
    remove_leftovers(target.parent)
    try:
        yield temporary
        _publish(temporary, target)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ResourceError(
                f"{target.parent}: the disk is full; free some space, or set GANTOOL_CACHE to another disk"
            ) from error
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def require_space(folder: Path, needed: int) -> None:
    """Raise ResourceError when fewer than ``needed`` bytes are free on the disk of ``folder``."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ResourceError(
            f"{folder}: preparing the pictures takes {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are free;"
            " free some space, set GANTOOL_CACHE to another disk, or lower data.resolution"
        )


def _publish(temporary: Path, target: Path) -> None:
    if target.exists() and not (target / prepared.HEADER).exists():  # somebody deleted half of it
        aside = temporary.with_name(temporary.name.replace(_MARK, f"-old{_MARK}"))
        target.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)
    try:
        temporary.rename(target)
    except OSError:
        if not (target / prepared.HEADER).exists():
            raise
    files.sync_folder(target.parent)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes of this machine left half made."""
    for path in folder.glob(f".*.{socket.gethostname()}.*{_MARK}"):
        process = path.name.removesuffix(_MARK).split(".")[-2]
        if process.isdigit() and not _is_alive(int(process)):
            shutil.rmtree(path, ignore_errors=True)


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
