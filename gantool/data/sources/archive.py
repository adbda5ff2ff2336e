"""Pictures in a zip or tar file, or in several: read where they are, nothing is unpacked to disk.

A member's name is never a path on this machine. Names that lead out of the archive, links, devices, encrypted members
and archives in archives are passed over, and said. An archive of a folder gives what the folder would give; only the
pictures of a compressed tar stand in the archive's own order, because it can only be read front to back.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Literal, NamedTuple

from gantool.data.base import Channels, DataSettings, Item
from gantool.data.decode import FILE_LIMIT, SUFFIXES
from gantool.data.listing import ARCHIVES, Found, files_at, is_junk, state_of
from gantool.data.sources.box import Box, Member
from gantool.data.sources.classes import require_label
from gantool.data.sources.names import is_picture, why_not
from gantool.data.sources.notes import Notes, is_note
from gantool.data.sources.tarred import Tar
from gantool.data.sources.tree import Labelled, Labels, Tree, labelled, suggested
from gantool.data.sources.zipped import Zip
from gantool.errors import DataError
from gantool.legible import legible


class Archive(DataSettings):
    """A zip or tar file, a folder of them, or those that a ``*`` matches: ``shards/train-*.tar``."""

    source: Literal["archive"] = "archive"
    path: str
    labels: Labels = "none"
    """A picture's class. ``folders``: the first folder that it lies in (a folder that holds all pictures counts as
    the archive itself). ``metadata``: what metadata.jsonl, metadata.csv, StyleGAN's dataset.json, or files of its own
    name (WebDataset's .cls and .json) say."""

    def open(self) -> ArchiveSource:
        """Find the archives; they are listed when their pictures are asked for."""
        return ArchiveSource(self.path, self.labels)


class _Place(NamedTuple):
    box: int
    member: Member


class _Listing(NamedTuple):
    tree: Tree
    places: Sequence[_Place]
    passed_over: Sequence[tuple[str, str]]


class ArchiveSource:
    """The pictures in the archives at ``path``. One archive is open at a time."""

    channels: Channels = "rgb"
    origin: str | None = None

    def __init__(self, path: str, labels: Labels) -> None:
        self._archives = files_at(path, ARCHIVES)
        self._path = path
        self._several = not Path(path).expanduser().is_file()
        self._labels = labels
        self._open: tuple[int, Box] | None = None

    @property
    def classes(self) -> Sequence[str]:
        """The folders with pictures in them, or the labels that were written, sorted."""
        return self._labelled.classes

    @property
    def items(self) -> Sequence[Item]:
        """One item a picture, sorted by name; those of a compressed tar in its own order."""
        return self._labelled.items

    @cached_property
    def passed_over(self) -> Sequence[tuple[str, str]]:
        """Members that are not read, and words about pictures that are not there."""
        known = {name for name, _ in self._listing.passed_over}
        astray = [entry for entry in self._labelled.astray if entry[0] not in known]
        return [*self._listing.passed_over, *self._listing.tree.notes.passed_over, *astray]

    def suggested_labels(self) -> Labels:
        """What ``labels`` most likely should be."""
        return suggested(self._listing.tree)

    def state(self) -> str:
        """Of the archives."""
        return state_of(self._archives)

    def raw(self, index: int) -> bytes:
        """The content of one picture's file."""
        require_label(self.items[index], self.classes)
        place = self._listing.places[index]
        return self._box(place.box).read(place.member, FILE_LIMIT)

    def close(self) -> None:
        """Close the archive that is open."""
        if self._open is not None:
            self._open[1].close()
        self._open = None

    def _box(self, number: int) -> Box:
        if self._open is None or self._open[0] != number:
            self.close()
            self._open = number, _opened(self._archives[number])
        return self._open[1]

    @cached_property
    def _labelled(self) -> Labelled:
        return labelled(self._listing.tree, self._labels)

    @cached_property
    def _listing(self) -> _Listing:
        notes = Notes(self._path, strict=self._labels == "metadata")
        names: list[str] = []
        inner: list[str] = []
        places: list[_Place] = []
        passed_over: list[tuple[str, str]] = []
        for number, archive in enumerate(self._archives):
            prefix = f"{archive.name}/" if self._several else ""
            box = self._box(number)
            pictures = _pictures(box, prefix, notes, passed_over)
            names += [prefix + member.name for member in pictures]
            inner += [member.name for member in pictures]
            places += [_Place(number, member) for member in pictures]
            passed_over += [(prefix + name, reason) for name, reason in box.passed_over]
        if not names:
            first = f", such as {legible(passed_over[0][0])} ({passed_over[0][1]})" if passed_over else ""
            raise DataError(
                f"{self._path}: no pictures in it; looked for {' '.join(SUFFIXES)}, passed over"
                f" {len(passed_over)} members{first}"
            )
        return _Listing(Tree(self._path, names, _tops(inner), notes), places, passed_over)


def _opened(archive: Found) -> Box:
    try:
        with archive.path.open("rb") as stream:
            zipped = stream.read(2) == b"PK"
    except OSError as error:
        raise DataError(f"{archive.path}: cannot be read ({error.strerror or error})") from error
    return Zip(archive.path) if zipped or archive.name.lower().endswith(".zip") else Tar(archive.path)


def _pictures(box: Box, prefix: str, notes: Notes, passed_over: list[tuple[str, str]]) -> list[Member]:
    """The pictures in ``box``, in the order in which they can be read; notes and what is passed over are filled in."""
    found: dict[str, Member] = {}
    for member in box.walk():
        if any(is_junk(part) for part in member.name.split("/")):
            continue
        if is_picture(member.name):
            if found.pop(member.name, None) is not None:
                passed_over.append((prefix + member.name, "an earlier member of the same name; the last one counts"))
            found[member.name] = member
        elif (reason := why_not(member.name, inside=True)) is not None:
            passed_over.append((prefix + member.name, reason))
        elif is_note(member.name):
            notes.add(prefix + member.name, partial(box.read, member))
    members = list(found.values())
    return sorted(members, key=lambda member: member.name.split("/")) if box.any_order else members


def _tops(names: Sequence[str]) -> list[str | None]:
    """The first folder of each picture, below the folders that hold all of them."""
    folders = [name.split("/")[:-1] for name in names]
    shortest, longest = min(folders), max(folders)
    common = next(
        (depth for depth, parts in enumerate(zip(shortest, longest, strict=False)) if parts[0] != parts[1]),
        min(len(shortest), len(longest)),
    )
    return [parts[common] if len(parts) > common else None for parts in folders]
