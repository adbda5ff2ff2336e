"""The prepared set: the folder that training reads.

    images-00000.npy …   shards of at most 1 GiB, uint8 n×H×W×C
    labels.npy           int64, where there are classes
    split.npy            uint8: 0 train, 1 hold-out
    images.jsonl         one line a picture: name, sha256, original height and width, label, caption
    dataset.json         shape, classes, counts, how it was made, fingerprint, a hash per 4 MiB of every file,
                         and a digest of all this
    skipped.txt          what was left out, where ``skip_bad`` left something out
    duplicates.txt       what was left out, and for what, where ``deduplicate`` left something out

Records of single pictures stand in `images.jsonl`, not in `dataset.json`, so that opening a set of a million pictures
takes no more memory than opening one of ten. Everything is memory-mapped: a read copies the rows asked for, and the
system may drop the rest at any time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from gantool import files
from gantool.data import chunks
from gantool.errors import DataError

if TYPE_CHECKING:
    from gantool.images import ImageShape

FORMAT = 1
HEADER, RECORDS, LABELS, SPLIT = "dataset.json", "images.jsonl", "labels.npy", "split.npy"
SKIPPED, DUPLICATES = "skipped.txt", "duplicates.txt"
CHECKED_AT_OPENING = 2 << 30
"""Bytes up to which opening a set reads it whole and checks every hash; beyond, only `PreparedSet.verify` does."""

_HEADER_LIMIT = 1 << 26
RECORD_LIMIT = 1 << 20
"""Bytes of a line of `RECORDS`: more is not written, and not read."""

Split = Literal["train", "holdout"]


class PreparedSet:
    """A prepared set, open for reading. Any number of threads may read at once.

    Attributes:
        folder: where it is.
        header: `dataset.json`, as it is.
        shape: channels, height and width.
        classes: class names; empty for a set without labels.
        fingerprint: SHA-256 over shape, classes and the stored pixels, labels and split: sets with one fingerprint
            train alike.
        origin: the public set and split these pictures are, where that is known (``fashion-mnist/test``).
    """

    def __init__(self, folder: Path, header: Mapping[str, Any]) -> None:
        self.folder = folder
        self.header = header
        self.classes: tuple[str, ...] = tuple(header["classes"])
        self.fingerprint: str = header["fingerprint"]
        self.origin: str | None = header["origin"]
        self._shards = [_mapped(folder / name) for name in sorted(header["files"]) if name.startswith("images-")]
        self._labels = _mapped(folder / LABELS) if self.classes else None
        self._split = _mapped(folder / SPLIT)
        self._starts = np.cumsum([0, *(len(shard) for shard in self._shards)])

    @classmethod
    def open(cls, folder: Path, *, checked: bool = False) -> PreparedSet:
        """Open a prepared set; up to 2 GB are checked against their hashes first, unless they were a moment ago.

        Raises:
            DataError: when it is no prepared set, of another format, or damaged.
        """
        header = read_header(folder)
        try:
            if not checked and sum(file["bytes"] for file in header["files"].values()) <= CHECKED_AT_OPENING:
                check(folder, header)
            found = cls(folder, header)
            whole = found._is_whole()
        except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise _damaged(folder, f"cannot be read ({error})") from error
        if not whole:
            raise _damaged(folder, "its files do not fit together")
        return found

    @property
    def shape(self) -> ImageShape:
        """Channels, height and width."""
        from gantool.images import ImageShape  # noqa: PLC0415 - it loads torch, which decoding processes spare

        return ImageShape(*self.header["shape"])

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def counts(self) -> dict[Split, int]:
        """Pictures per split."""
        held = int(np.count_nonzero(self._split))
        return {"train": len(self) - held, "holdout": held}

    def indices(self, split: Split) -> NDArray[np.int64]:
        """The rows of a split, ascending, int64 n."""
        return np.flatnonzero(self._split == (split == "holdout")).astype(np.int64)

    def read(self, indices: NDArray[np.int64] | Sequence[int]) -> NDArray[np.uint8]:
        """The pictures at ``indices``, in that order: uint8 n×H×W×C, a copy.

        Raises:
            IndexError: for a row that is not there.
        """
        rows = self._checked(indices)
        if len(self._shards) == 1:
            return self._shards[0].take(rows, axis=0)
        pixels = np.empty((len(rows), *self._shards[0].shape[1:]), np.uint8)
        shard_of = np.searchsorted(self._starts, rows, side="right") - 1
        for number in np.unique(shard_of):
            here = np.flatnonzero(shard_of == number)
            pixels[here] = self._shards[number].take(rows[here] - self._starts[number], axis=0)
        return pixels

    def read_labels(self, indices: NDArray[np.int64] | Sequence[int]) -> NDArray[np.int64] | None:
        """The classes of the pictures at ``indices``, int64 n; None for a set without labels."""
        rows = self._checked(indices)
        return None if self._labels is None else self._labels.take(rows)

    def records(self) -> Iterator[dict[str, Any]]:
        """One mapping a picture, in order: name, sha256, height, width, label, caption.

        Raises:
            DataError: for a line that is not what was written, and for more or fewer lines than pictures.
        """
        path, count = self.folder / RECORDS, 0
        try:
            with files.open_regular(path, 1 << 62) as stream:
                while line := stream.readline(RECORD_LIMIT):
                    count += 1
                    if count <= len(self):
                        yield _record(line, len(self.classes))
        except (OSError, ValueError, RecursionError) as error:
            raise _damaged(path, f"cannot be read ({error})") from error
        if count != len(self):
            raise _damaged(path, f"speaks of {count:,} of {len(self):,} pictures")

    def verify(self, progress: Callable[[str, int, int], None] | None = None) -> None:
        """Check every byte against its hash, whatever the size.

        Raises:
            DataError: naming the damaged file and the remedy.
        """
        check(self.folder, self.header, progress)

    def _checked(self, indices: NDArray[np.int64] | Sequence[int]) -> NDArray[np.int64]:
        rows = np.asarray(indices, np.int64)
        if len(rows) and not (rows.min() >= 0 and rows.max() < len(self)):
            raise IndexError(f"rows {rows.min()}…{rows.max()} of a set of {len(self)}")
        return rows

    def _is_whole(self) -> bool:
        channels, height, width = self.header["shape"]
        alike = all(s.shape[1:] == (height, width, channels) and s.dtype == np.uint8 for s in self._shards)
        lengths = {len(self), len(self._split), len(self) if self._labels is None else len(self._labels)}
        labels = self._labels
        named = labels is None or not len(labels) or 0 <= labels.min() <= labels.max() < len(self.classes)
        return alike and named and len(lengths) == 1 and len(self) == sum(self.header["counts"].values())


def _record(line: bytes, classes: int) -> dict[str, Any]:
    record = json.loads(line)
    if not isinstance(record, dict) or not isinstance(record.get("name"), str):
        raise ValueError("a line that describes no picture")  # noqa: TRY004 - damage, wherever it stands
    if not all(isinstance(record.get(side), int) for side in ("height", "width")):
        raise ValueError("a picture without a size")
    label, caption = record.get("label"), record.get("caption")
    if not (label is None or (type(label) is int and 0 <= label < classes)):
        raise ValueError("a picture of no class that there is")
    if not isinstance(caption, str | None):
        raise ValueError("a caption that is no text")  # noqa: TRY004 - damage as well
    return record


def read_header(folder: Path) -> dict[str, Any]:
    """`dataset.json` of a prepared set.

    Raises:
        DataError: when it is missing, damaged, or of a format that this version does not read.
    """
    try:
        header: dict[str, Any] = json.loads(files.read_regular(folder / HEADER, _HEADER_LIMIT))
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"{folder}: no prepared set here (it has no {HEADER})") from None
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(folder / HEADER, f"cannot be read ({error})") from error
    if not _is_header(header):
        raise _damaged(folder / HEADER, "lacks parts or names what it should not")
    if header["format"] != FORMAT:  # a newer one may have another digest
        raise DataError(
            f"{folder}: a prepared set of format {header['format']}, but this version of gantool reads format"
            f" {FORMAT}; prepare it again from its pictures"
        )
    if "digest" in header and header["digest"] != digest_of(header):
        raise _damaged(folder / HEADER, "does not have the digest that it states")
    return header


def _is_header(header: object) -> bool:
    """Whether this looks like what `writer.seal` wrote: a foreign folder may hold anything."""
    if not isinstance(header, dict):
        return False
    needed = {"format", "shape", "classes", "counts", "fingerprint", "origin", "files"}
    if not header.keys() >= needed or not isinstance(header["files"], dict):
        return False
    return (
        all(Path(name).name == name and _is_file(file) for name, file in header["files"].items())
        and _are_counts(header["shape"], 3)
        and header["shape"][0] in (1, 3, 4)
        and isinstance(header["counts"], dict)
        and _are_counts([*header["counts"].values()], 2)
        and isinstance(header["classes"], list)
        and all(isinstance(name, str) for name in header["classes"])
        and isinstance(header["fingerprint"], str)
        and isinstance(header["origin"], str | None)
        and isinstance(header.get("settings", {}), dict)
        and isinstance(header.get("range"), dict | None)
        and all(_are_counts([header.get(key, 0)], 1) for key in ("skipped", "duplicates", "excluded", "animated"))
    )


def _is_file(entry: object) -> bool:
    return isinstance(entry, dict) and _are_counts([entry.get("bytes")], 1) and isinstance(entry.get("sha256"), list)


def _are_counts(values: object, length: int) -> bool:
    """So many whole numbers from 0, none of which is beyond any disk."""
    known = isinstance(values, list) and len(values) == length
    return known and all(type(value) is int and 0 <= value < 1 << 60 for value in values)  # type: ignore[attr-defined]


def fingerprint_of(header: Mapping[str, Any]) -> str:
    """SHA-256 over what training reads: shape, classes, and the hashes of pixels, labels and split."""
    files = {name: file["sha256"] for name, file in header["files"].items() if name.endswith(".npy")}
    content = {"shape": list(header["shape"]), "classes": list(header["classes"]), "files": files}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def digest_of(header: Mapping[str, Any]) -> str:
    """SHA-256 over everything in a header but its digest; sets of earlier versions state none."""
    content = {key: value for key, value in header.items() if key != "digest"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def check(folder: Path, header: Mapping[str, Any], progress: Callable[[str, int, int], None] | None = None) -> None:
    """Compare every file with its length and its hashes, 4 MiB at a time.

    Raises:
        DataError: naming the first damaged file and the remedy.
    """
    total, done = sum(file["bytes"] for file in header["files"].values()), 0

    def tell(length: int) -> None:
        nonlocal done
        done += length
        if progress is not None:
            progress("check", done, total)

    for name, expected in sorted(header["files"].items()):
        path = folder / name
        try:
            if path.stat().st_size != expected["bytes"]:
                raise _damaged(path, f"has {path.stat().st_size:,} bytes instead of {expected['bytes']:,}")
            found = chunks.hashes(path, tell)
        except OSError as error:
            raise _damaged(path, f"cannot be read ({error.strerror or error})") from error
        for number, (now, then) in enumerate(zip(found, expected["sha256"], strict=True)):
            if now != then:
                raise _damaged(
                    path,
                    f"has changed between bytes {number * chunks.CHUNK:,} and {number * chunks.CHUNK + chunks.CHUNK:,}",
                )
    if fingerprint_of(header) != header["fingerprint"]:
        raise _damaged(folder / HEADER, "does not have the fingerprint that it states")


def _damaged(path: Path, what: str) -> DataError:
    folder = path if path.is_dir() else path.parent
    return DataError(
        f"{path}: this prepared set is damaged: the file {what}; delete the folder {folder}, and it is made again"
        " from the pictures at the next start (or copied again, where it came from another machine)"
    )


def _mapped(path: Path) -> NDArray[Any]:
    """The array in ``path``, memory-mapped; never unpickled."""
    array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array.view(np.ndarray)  # without the bookkeeping of np.memmap, which every slice would pay for
