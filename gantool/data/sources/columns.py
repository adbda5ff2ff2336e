"""One parquet file: which of its columns are pictures, labels and captions, and reading them in bounded memory.

Hugging Face stores a picture as a struct of ``bytes`` and ``path``, and writes the names of classes into the schema's
metadata. pyarrow is an extra: `pip install 'gantool[parquet]'`.
"""

from __future__ import annotations

import bisect
import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from gantool.data.decode import FILE_LIMIT, BadPicture
from gantool.data.sources.notes import CAPTION_COLUMNS, LABEL_COLUMNS
from gantool.errors import DataError, UsageError

IMAGE_COLUMNS = ("image", "img")
_BATCH_BYTES, _BATCH_MOST = 16 << 20, 256
_BUFFER = 1 << 20


class Columns(NamedTuple):
    """What is read of a file."""

    image: str
    label: str | None
    caption: str | None
    class_names: tuple[str, ...] | None
    """Of labels 0, 1, …, where the file says."""


def arrow() -> tuple[ModuleType, ModuleType]:
    """`pyarrow` and `pyarrow.parquet`.

    Raises:
        UsageError: when they are not installed.
    """
    try:
        import pyarrow  # noqa: PLC0415 - an extra
        import pyarrow.parquet  # noqa: PLC0415
    except ImportError as error:
        raise UsageError(f"parquet files need pyarrow ({error}): pip install 'gantool[parquet]'") from None
    return pyarrow, pyarrow.parquet


class ParquetFile:
    """One file, open for reading. Pictures asked for in ascending order are read in one pass.

    Args:
        path: the file.
        image: the column of pictures; None finds it.
        label: the column of labels; None finds it where there is one.
    """

    def __init__(self, path: Path, image: str | None, label: str | None) -> None:
        self._path = path
        self._arrow, parquet = arrow()
        self._faults = (self._arrow.ArrowException, OSError, ValueError, MemoryError)
        try:
            self._file = parquet.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False)
            groups = [self._file.metadata.row_group(number) for number in range(self._file.num_row_groups)]
            self._starts = list(itertools.accumulate((group.num_rows for group in groups), initial=0))
        except self._faults as error:
            raise self._damaged(error) from error
        self.columns = _choose(self._arrow, self._file.schema_arrow, str(path), image, label)
        self._per_batch = [_per_batch(group, self.columns.image) for group in groups]
        self._batches: Iterator[Any] = iter(())
        self._batch: Any = None
        self._first = 0
        """Row of the file that is the first of ``_batch``."""

    def __len__(self) -> int:
        return int(self._starts[-1])

    def said(self) -> Iterator[tuple[Any, str | None]]:
        """Label (a number, a text or None) and caption of each row, in order."""
        wanted = [column for column in (self.columns.label, self.columns.caption) if column is not None]
        if not wanted:
            yield from itertools.repeat((None, None), len(self))
            return
        try:
            for batch in self._file.iter_batches(batch_size=4096, columns=wanted):
                columns = {name: batch.column(name).to_pylist() for name in wanted}
                blank = [None] * batch.num_rows
                labels = columns.get(self.columns.label or "", blank)
                captions = columns.get(self.columns.caption or "", blank)
                yield from zip(labels, ((text or "").strip() or None for text in captions), strict=True)
        except self._faults as error:
            raise self._damaged(error) from error

    def picture(self, row: int) -> bytes:
        """The content of the picture's file in row ``row``.

        Raises:
            BadPicture: when there is none in it.
        """
        try:
            cell = self._cell(row).as_py()
        except self._faults as error:
            raise self._damaged(error) from error
        path = None
        if isinstance(cell, dict):
            cell, path = cell["bytes"], cell.get("path")
        if cell is None:
            raise BadPicture(f"only its path is here ({path}), which is not followed" if path else "no picture here")
        if len(cell) > FILE_LIMIT:
            raise BadPicture(f"too large: more than {FILE_LIMIT >> 20} MiB")
        return bytes(cell)

    def close(self) -> None:
        """Close the file."""
        self._batches, self._batch = iter(()), None
        self._file.close()

    def _cell(self, row: int) -> Any:
        """The value of the picture's column in ``row``; pyarrow reads on from the last one, or the group anew."""
        if self._batch is None or row < self._first or not self._same_group(row):
            group = bisect.bisect_right(self._starts, row) - 1
            self._first, self._batch = self._starts[group], None
            self._batches = self._file.iter_batches(self._per_batch[group], [group], [self.columns.image])
        while self._batch is None or row >= self._first + self._batch.num_rows:
            self._first += 0 if self._batch is None else self._batch.num_rows
            self._batch = next(self._batches, None)
            if self._batch is None:
                raise OSError("fewer rows than its footer states")
        return self._batch.column(0)[row - self._first]

    def _same_group(self, row: int) -> bool:
        return bisect.bisect_right(self._starts, row) == bisect.bisect_right(self._starts, self._first)

    def _damaged(self, error: BaseException) -> DataError:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        return DataError(f"{self._path}: damaged, truncated or no parquet file ({reason}); fetch it again")


def _per_batch(group: Any, image: str) -> int:
    """Rows at a time: as many as hold about `_BATCH_BYTES` of pictures."""
    columns = (group.column(number) for number in range(group.num_columns))
    chunks = (column for column in columns if column.path_in_schema.split(".", 1)[0] == image)
    size = sum(int(chunk.total_uncompressed_size) for chunk in chunks)
    return max(1, min(_BATCH_MOST, _BATCH_BYTES * int(group.num_rows) // max(1, size)))


def _choose(arrow: ModuleType, schema: Any, place: str, image: str | None, label: str | None) -> Columns:
    types = {field.name: field.type for field in schema}
    there = ", ".join(f"{name} ({kind})" for name, kind in list(types.items())[:12]) or "none"
    likely = [name for name, kind in types.items() if _holds_pictures(arrow, kind)]
    if image is None:
        image = next((name for name in IMAGE_COLUMNS if name in likely), likely[0] if len(likely) == 1 else None)
    if image is None or image not in likely:
        raise DataError(
            f"{place}: {'no column of pictures' if image is None else f'column {image} holds no pictures'} (bytes of"
            f" image files); columns: {there}" + (f"; set data.column to one of {', '.join(likely)}" if likely else "")
        )
    if label is None:
        label = next((name for name in LABEL_COLUMNS if name in types and _is_label(arrow, types[name])), None)
    elif label not in types or not _is_label(arrow, types[label]):
        raise DataError(f"{place}: column {label} holds no labels (whole numbers or text); columns: {there}")
    caption = next((name for name in CAPTION_COLUMNS if name in types and _is_text(arrow, types[name])), None)
    return Columns(image, label, caption, None if label is None else _class_names(schema.metadata, label))


def _holds_pictures(arrow: ModuleType, kind: Any) -> bool:
    if arrow.types.is_struct(kind):
        return any(field.name == "bytes" and _is_bytes(arrow, field.type) for field in kind)
    return _is_bytes(arrow, kind)


def _is_bytes(arrow: ModuleType, kind: Any) -> bool:
    return bool(arrow.types.is_binary(kind) or arrow.types.is_large_binary(kind))


def _is_text(arrow: ModuleType, kind: Any) -> bool:
    return bool(arrow.types.is_string(kind) or arrow.types.is_large_string(kind))


def _is_label(arrow: ModuleType, kind: Any) -> bool:
    if arrow.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(arrow.types.is_integer(kind) or arrow.types.is_boolean(kind)) or _is_text(arrow, kind)


def _class_names(metadata: dict[bytes, bytes] | None, label: str) -> tuple[str, ...] | None:
    """Hugging Face's names of classes: ``{"info": {"features": {"label": {"names": […]}}}}``."""
    try:
        said: Any = json.loads((metadata or {})[b"huggingface"])
        names: Sequence[Any] = said["info"]["features"][label]["names"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return tuple(names) if isinstance(names, list) and all(isinstance(name, str) for name in names) and names else None
