"""Tables about pictures: ``metadata.jsonl``, ``metadata.csv`` and StyleGAN's ``dataset.json``, row by row.

The first two are Hugging Face's ImageFolder convention: a column ``file_name``, relative to the table's own folder,
and columns of anything. The third is ``{"labels": [["00000/img.png", 3], …]}``, or null for none.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

TABLES = ("metadata.jsonl", "metadata.csv", "dataset.json")
FILE_COLUMN = "file_name"


class TableError(Exception):
    """A table that is not one; ``str(error)`` begins with the line where there is one: ``12: not JSON``."""


class Row(NamedTuple):
    """What a table says about one picture."""

    file: str
    """As it is written there."""
    fields: Mapping[str, Any]
    line: int | None


def rows_of(name: str, content: bytes) -> Iterator[Row]:
    """The rows of the table ``name``, one of `TABLES`.

    Raises:
        TableError: for what cannot be understood.
    """
    text = _text(content)
    if name == "dataset.json":
        yield from _stylegan(text)
    else:
        yield from _jsonl(text) if name.endswith(".jsonl") else _csv(text)


def has_no_labels(content: bytes) -> bool:
    """Whether a ``dataset.json`` says that there are none."""
    try:
        return content.startswith(b"{") and parsed(_text(content)).get("labels", 0) is None
    except (TableError, ValueError):
        return False


def parsed(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: when it is none, or too deep, or has a number of thousands of digits.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise TableError(f"{line}: byte 0x{content[error.start]:02x} is not UTF-8; save the file as UTF-8") from None


def _jsonl(text: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            fields = parsed(line)
        except ValueError as error:
            raise TableError(f"{number}: not JSON ({_brief(error)})") from None
        if not isinstance(fields, dict):
            raise TableError(f"{number}: a line must be an object, {{…}}")
        yield _row(fields, number)


def _csv(text: str) -> Iterator[Row]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        columns: Sequence[str] = reader.fieldnames or ()
        if FILE_COLUMN not in columns:
            there = ", ".join(columns[:8]) or "none"
            raise TableError(f"1: no column {FILE_COLUMN}, separated by commas; it has {there}")
        for fields in reader:
            yield _row(fields, reader.line_num)
    except csv.Error as error:
        raise TableError(f"{reader.line_num}: not CSV ({error})") from None


def _row(fields: Mapping[str, Any], line: int) -> Row:
    file = fields.get(FILE_COLUMN)
    if not isinstance(file, str) or not file:
        raise TableError(f"{line}: no {FILE_COLUMN} in this row")
    return Row(file, fields, line)


def _stylegan(text: str) -> Iterator[Row]:
    try:
        content = parsed(text)
    except ValueError as error:
        raise TableError(f" not JSON ({_brief(error)})") from None
    pairs = content.get("labels") if isinstance(content, dict) else None
    if pairs is None:
        return
    if not isinstance(pairs, list):
        raise TableError(' "labels" must be a list of pairs, or null')
    for pair in pairs:
        if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)):
            raise TableError(f' "labels" must hold pairs of a name and a number, not {str(pair)[:60]}')
        if not isinstance(pair[1], int) or isinstance(pair[1], bool):
            raise TableError(f" the label of {pair[0][:60]} is no whole number; one class a picture is read")
        yield Row(pair[0], {"label": pair[1]}, None)


def _brief(error: ValueError) -> str:
    """A JSON fault without the text it was found in."""
    return error.msg if isinstance(error, json.JSONDecodeError) else str(error).split(";", maxsplit=1)[0]
