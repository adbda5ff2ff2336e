"""What is at a path, the same on every machine: sorted, each file once, nothing but files."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from gantool.errors import DataError

ARCHIVES = (
    ".zip",
    ".tar",
    ".tar.gz",
    ".tgz",
    ".tar.bz2",
    ".tbz2",
    ".tar.xz",
    ".txz",
    ".tar.zst",
    ".tzst",
)
PARQUET = (".parquet",)
ARRAYS = (".npy", ".npz")

_READERS = ((ARCHIVES, "archive"), (PARQUET, "parquet"), (ARRAYS, "arrays"))
_JUNK = {"thumbs.db", "desktop.ini", "__macosx"}
_PREPARED = frozenset({"dataset.json", "images.jsonl", "split.npy"})


class Found(NamedTuple):
    """A regular file below a folder."""

    name: str
    """Relative to the folder, with forward slashes."""
    path: Path
    size: int
    changed: int
    """Nanoseconds since 1970."""


def existing_folder(path: str) -> Path:
    """``path`` as a folder that is there.

    Raises:
        DataError: when it is not.
    """
    folder = Path(path).expanduser()
    if folder.is_dir():
        return folder
    if folder.exists():
        reader = next((name for suffixes, name in _READERS if folder.name.lower().endswith(suffixes)), None)
        advice = f"set data.source: {reader} to read it as it is" if reader else "data.path must be a folder"
        raise DataError(f"{folder}: this is a file; {advice}")
    raise missing(folder, "folder")


def existing_file(path: str) -> Path:
    """``path`` as a file that is there.

    Raises:
        DataError: when it is not.
    """
    file = Path(path).expanduser()
    if file.is_dir():
        raise DataError(f"{file}: this is a folder; data.path must be a file")
    if not file.is_file():
        raise missing(file, "file")
    return file


def missing(path: Path, what: str) -> DataError:
    """The fault of a path that is not there, with the nearest folder that is."""
    nearest = next((parent for parent in path.absolute().parents if parent.is_dir()), path)
    return DataError(f"{path}: no such {what} (there is {nearest}); check data.path")


def files_at(path: str, suffixes: Sequence[str]) -> list[Found]:
    """The files that ``path`` names, sorted: one file, those of ``suffixes`` below a folder, or those a ``*`` matches.

    Raises:
        DataError: when there are none.
    """
    place = Path(path).expanduser()
    if place.is_file():
        return [found_at(place, place.parent, place.stat())]
    if place.is_dir():
        below = files_below(place)
        if found := [file for file in below if file.name.lower().endswith(tuple(suffixes))]:
            return found
        raise DataError(f"{place}: no {' '.join(suffixes)} files in it or below it; {others(below)}")
    if "*" not in path:
        raise missing(place, "file or folder")
    # The part of the path before the first * is where names begin.
    root = next(parent for parent in (place, *place.parents) if "*" not in str(parent))
    matches = sorted(Path(match) for match in glob.glob(str(place), recursive=True))  # noqa: PTH207 - takes any path
    if found := [found_at(match, root, match.stat()) for match in matches if match.is_file()]:
        return sorted(found, key=by_name)
    raise DataError(f"{place}: matches no file; check data.path")


def others(found: Sequence[Found]) -> str:
    """What is there instead, in a few words."""
    kinds = Counter(PurePosixPath(file.name).suffix.lower() or "no suffix" for file in found)
    most = ", ".join(kind for kind, _ in kinds.most_common(4))
    return f"found {len(found)} other files ({most})" if found else "found no files at all"


def files_below(root: Path) -> list[Found]:
    """Every regular file below ``root``, sorted by name.

    Hidden files, what operating systems leave behind, prepared sets, sockets, pipes, devices and links to folders that
    hold ``root`` itself are passed over. Other links are followed after everything else was seen, and each file and
    folder counts once, by device and inode: so a loop ends, and a picture goes by the name of its real place where
    that is below ``root`` too.

    Raises:
        DataError: for a folder that cannot be read.
    """
    walk = _Walk(root)
    walk.enter(root)
    while walk.links:
        links, walk.links = sorted(walk.links), []
        for link in links:
            walk.visit(link)
    return sorted(walk.files, key=by_name)


def by_name(found: Found) -> list[str]:
    """The order of files everywhere: folder by folder."""
    return found.name.split("/")


def found_at(path: Path, root: Path, status: os.stat_result) -> Found:
    """What is known of the file ``path`` below ``root``."""
    return Found("/".join(path.parts[len(root.parts) :]), path, status.st_size, status.st_mtime_ns)


def state_of(files: Iterable[Found]) -> str:
    """A digest of names, sizes and times of change."""
    digest = hashlib.sha256()
    for file in files:
        line = f"{file.name}\0{file.size}\0{file.changed}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


class _Walk:
    def __init__(self, root: Path) -> None:
        self.files: list[Found] = []
        self.links: list[Path] = []
        self._root = root
        self._real_root = root.resolve()
        self._seen: set[tuple[int, int]] = set()

    def enter(self, folder: Path) -> None:
        """Visit all that is in ``folder``, and in the folders below it; links are put off."""
        pending = [folder]
        while pending:
            here = pending.pop()
            try:
                if not self._is_new(here.stat()):
                    continue
                entries = self._entries(here)
            except FileNotFoundError:  # gone since it was listed
                continue
            if here != self._root and is_prepared(entry.name for entry in entries):
                continue  # it was made of what lies around it
            for entry in entries:
                if entry.is_symlink():
                    self.links.append(Path(entry.path))
                elif entry.is_dir():
                    pending.append(Path(entry.path))
                else:
                    with contextlib.suppress(FileNotFoundError):  # gone since it was listed
                        self._add(Path(entry.path), entry.stat())

    def visit(self, link: Path) -> None:
        """Follow one link; one that leads nowhere is passed over, or up: to ``/``, say, and all of this machine."""
        try:
            status = link.stat()
            leads_up = stat.S_ISDIR(status.st_mode) and self._real_root.is_relative_to(link.resolve())
        except (OSError, RuntimeError):  # also a link to itself
            return
        if stat.S_ISDIR(status.st_mode):
            if not leads_up:
                self.enter(link)
        else:
            self._add(link, status)

    def _entries(self, folder: Path) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                return sorted((entry for entry in entries if not is_junk(entry.name)), key=lambda e: e.name)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise DataError(f"{folder}: this folder cannot be read ({error.strerror})") from error

    def _add(self, path: Path, status: os.stat_result) -> None:
        if stat.S_ISREG(status.st_mode) and self._is_new(status):
            self.files.append(found_at(path, self._root, status))

    def _is_new(self, status: os.stat_result) -> bool:
        identity = (status.st_dev, status.st_ino)
        # Windows' directory listing gives no inodes: there, nothing can be told apart this way.
        if identity in self._seen and status.st_ino:
            return False
        self._seen.add(identity)
        return True


def is_prepared(names: Iterable[str]) -> bool:
    """Whether a folder with these files is a set that `gantool data prepare` made."""
    return _PREPARED.issubset(names)


def is_junk(name: str) -> bool:
    """Whether one part of a path is hidden, or what an operating system leaves behind."""
    return name.startswith(".") or name.lower() in _JUNK
