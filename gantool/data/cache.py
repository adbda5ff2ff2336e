"""Where prepared sets are kept that were given no place of their own."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from gantool import files

LOCAL_CACHE = ".gantool-cache"


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


def remember(key: str, fingerprint: str) -> None:
    """Keep in mind which set the key led to when it was made elsewhere; forgotten where the cache cannot be written."""
    with contextlib.suppress(OSError):
        _memory(key).parent.mkdir(parents=True, exist_ok=True)
        files.write_text(_memory(key), fingerprint)


def remembered(key: str) -> str | None:
    """The fingerprint of the set that the key led to, where that is known."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return _memory(key).read_text(encoding="utf-8")
    return None


def _memory(key: str) -> Path:
    return cache_folder() / "made" / f"{key}.txt"
