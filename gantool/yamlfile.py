"""YAML into plain values, safely, and with the line that every value stands on.

YAML 1.2's core types and nothing else: null, true, false, numbers (``1e-4`` is one), text, lists, sections.
So ``yes`` and ``2024-01-01`` are text. No tag is obeyed: nothing in a file can make an object. Size, depth
and the expansion of aliases have limits; a duplicate key is a fault. PyYAML scans and parses, both of which
are iterative; its loaders and resolvers, neither strict nor YAML 1.2, are not used.

What this does not do: know what the keys mean (`gantool.config`), or keep comments.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import yaml

from gantool.errors import ConfigError

SIZE_LIMIT = 1_000_000
"""Bytes in a file. A config has a few thousand."""
DEPTH_LIMIT = 32
DIGIT_LIMIT = 100
"""Characters of a number. (Python refuses to print integers of more than 4300 digits, in messages too.)"""
NODE_LIMIT = 10_000
"""Values in a file, those that aliases repeat included ("billion laughs" has 10⁹ in ten lines)."""

Scalar = bool | int | float | str | None
Value = Scalar | list["Value"] | dict[str, "Value"]
KeyPath = tuple[str | int, ...]
"""Where a value stands: ``("data", "path")``, ``("penalties", 0, "weight")``; ``()`` is the document."""


@dataclass(frozen=True)
class LineFault:
    """Something wrong on one line that did not keep the rest of the file from being read."""

    line: int
    path: KeyPath
    message: str


@dataclass(frozen=True)
class Document:
    """What a file says.

    Attributes:
        value: the content; ``None`` for an empty file.
        lines: the line (from 1) of every value; for a value in a section, the line of its key.
        faults: duplicate keys and keys that are not text. The first of two duplicates is in ``value``.
    """

    value: Value
    lines: Mapping[KeyPath, int]
    faults: tuple[LineFault, ...] = ()


def read(path: Path) -> Document:
    """Read the file at ``path``; see `parse`.

    Raises:
        ConfigError: also where there is no file, or none that may be read.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(SIZE_LIMIT + 1)
    except IsADirectoryError:
        raise ConfigError(f"{path}: this is a folder; name the config file in it") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
    except ValueError as error:  # a null byte in the name
        raise ConfigError(f"{str(path)!r}: cannot be read: {error}") from None
    return parse(content, file=str(path))


def parse(content: bytes | str, *, file: str) -> Document:
    """Read ``content``, UTF-8 with or without a byte order mark.

    Args:
        content: the text.
        file: what messages call it.

    Raises:
        ConfigError: ``file:line:column: …`` for what is not YAML, or is beyond a limit, or holds a tag.
    """
    text = _decode(content, file) if isinstance(content, bytes) else content.removeprefix("\ufeff")
    if len(text) > SIZE_LIMIT:
        raise ConfigError(f"{file}: larger than {SIZE_LIMIT // 1000} kB; this is no config")
    composer = _Composer(text, file)
    root = composer.document()
    expansion = _Expansion(file)
    value = expansion.value_of(root, (), root.line)
    return Document(value, expansion.lines, tuple(composer.faults))


# --- text ---------------------------------------------------------------------------------------------------


def _decode(content: bytes, file: str) -> str:
    if len(content) > SIZE_LIMIT:
        raise ConfigError(f"{file}: larger than {SIZE_LIMIT // 1000} kB; this is no config")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ConfigError(f"{file}: written in UTF-16; save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        raise ConfigError(f"{file}:{line}: byte 0x{byte:02x} is not UTF-8; save the file as UTF-8") from None


_ADVICE = {
    r"found character '\t'": "a tab; indent with spaces",
    "mapping values are not allowed here": "': ' may not stand here; check the indentation or quote the text",
    "could not find expected ':'": "a key without its ':'",
    "expected <block end>": "the indentation does not fit the lines above",
    "found unexpected end of stream": "a quote that is never closed",
    "expected ',' or ']'": "a list with '[' that is not closed, or lacks a comma",
    "expected ',' or '}'": "a section with '{' that is not closed, or lacks a comma",
    "found undefined alias": "an alias (*) whose anchor (&) is not above it",
    "but found another document": "a second document ('---'); a config is one",
    "special characters are not allowed": "a control character, which YAML does not allow",
}
"""What PyYAML says, in a person's words."""


def _advice(problem: str) -> str:
    return next((ours for theirs, ours in _ADVICE.items() if theirs in problem), problem)


def _events(text: str, file: str) -> Iterator[yaml.Event]:
    """The parser's events, with its exceptions turned into ours."""
    try:
        yield from yaml.parse(text, Loader=yaml.SafeLoader)
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise ConfigError(f"{file}:{line}:{column}: {_advice(error.reason)}") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
        raise ConfigError(f"{where}: {_advice(error.problem or error.context or 'not YAML')}") from None
    except (
        ValueError,
        OverflowError,
    ):  # chr() of an escape beyond Unicode, int() of an endless %YAML version
        raise ConfigError(f"{file}: an escape or a %YAML line that no text has") from None


# --- nodes --------------------------------------------------------------------------------------------------


@dataclass
class _Node:
    """A value before its aliases are expanded."""

    line: int
    scalar: Scalar = None
    items: list[_Node] | None = None
    entries: dict[str, tuple[int, _Node]] | None = None
    """Key → the key's line and the value."""


@dataclass
class _Alias(_Node):
    target: _Node = field(default_factory=lambda: _Node(0))


class _Composer:
    """Events → nodes, recursive to `DEPTH_LIMIT`."""

    def __init__(self, text: str, file: str) -> None:
        self.events = _events(text, file)
        self.file = file
        self.faults: list[LineFault] = []
        self.anchors: dict[str, _Node] = {}
        self.count = 0

    def document(self) -> _Node:
        root = _Node(1)
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                if self.count:
                    self.fail(event, _ADVICE["but found another document"])
                root = self.node(next(self.events), ())
        return root

    def node(self, event: yaml.Event, path: KeyPath) -> _Node:
        self.count += 1
        if self.count > NODE_LIMIT:
            self.fail(event, f"more than {NODE_LIMIT} values; this is no config")
        if len(path) > DEPTH_LIMIT:
            self.fail(event, f"nested more than {DEPTH_LIMIT} levels deep")
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event)
        if not isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            raise TypeError(f"the YAML parser sent {event} for a value")
        if event.tag is not None:
            self.fail(event, f"tags ({event.tag}) are not allowed; write plain values")
        line = _position(event)[0]
        if isinstance(event, yaml.ScalarEvent):
            node = _Node(line, scalar=self.scalar(event))
        elif isinstance(event, yaml.SequenceStartEvent):
            node = _Node(line, items=self.sequence(path))
        else:
            node = _Node(line, entries=self.mapping(path))
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def alias(self, event: yaml.AliasEvent) -> _Node:
        # An anchor is known once its value is complete, so no value can hold itself.
        target = self.anchors.get(event.anchor or "")
        if target is None:
            self.fail(event, f"*{event.anchor}: {_ADVICE['found undefined alias']}")
        return _Alias(_position(event)[0], target=target)

    def scalar(self, event: yaml.ScalarEvent) -> Scalar:
        if any("\ud800" <= letter <= "\udfff" for letter in event.value):
            self.fail(event, "half a surrogate pair, which is no character")
        if event.style is not None:
            return str(event.value)
        try:
            return resolve(event.value)
        except ValueError as error:
            self.fail(event, str(error))

    def sequence(self, path: KeyPath) -> list[_Node]:
        items: list[_Node] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.node(event, (*path, len(items))))
        return items

    def mapping(self, path: KeyPath) -> dict[str, tuple[int, _Node]]:
        entries: dict[str, tuple[int, _Node]] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.node(event, (*path, "?"))
            name = (key.target if isinstance(key, _Alias) else key).scalar
            here = (*path, str(name))
            value = self.node(next(self.events), here)
            if not isinstance(name, str):
                self.faults.append(LineFault(key.line, path, "a key must be text; put it in quotes"))
            elif name == "<<":
                self.faults.append(LineFault(key.line, here, "merge keys are not supported; write the keys out"))
            elif name in entries:
                first = entries[name][0]
                self.faults.append(LineFault(key.line, here, f"duplicate key; it stands on line {first} already"))
            else:
                entries[name] = (key.line, value)
        return entries

    def fail(self, event: yaml.Event, message: str) -> NoReturn:
        line, column = _position(event)
        raise ConfigError(f"{self.file}:{line}:{column}: {message}")


def _position(event: yaml.Event) -> tuple[int, int]:
    """Line and column, from 1."""
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


class _Expansion:
    """Nodes → values, aliases replaced by copies of what they name, up to `NODE_LIMIT` values in all."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[KeyPath, int] = {}

    def value_of(self, node: _Node, path: KeyPath, line: int) -> Value:
        if len(self.lines) >= NODE_LIMIT or len(path) > DEPTH_LIMIT:
            raise ConfigError(f"{self.file}:{line}: aliases that repeat too much; write the values out")
        self.lines[path] = line
        if isinstance(node, _Alias):
            node = node.target
        if node.entries is not None:
            return {
                key: self.value_of(value, (*path, key), key_line) for key, (key_line, value) in node.entries.items()
            }
        if node.items is not None:
            return [self.value_of(item, (*path, index), item.line) for index, item in enumerate(node.items)]
        return node.scalar


# --- YAML 1.2, chapter 10.3.2: the core schema --------------------------------------------------------------

_CONSTANTS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def resolve(plain: str) -> Scalar:
    """The value of a scalar without quotes.

    Raises:
        ValueError: for a number of more than `DIGIT_LIMIT` characters.
    """
    if plain in _CONSTANTS:
        return _CONSTANTS[plain]
    integer, number = INTEGER.fullmatch(plain), FLOAT.fullmatch(plain)
    if (integer or number) and len(plain) > DIGIT_LIMIT:
        raise ValueError(f"a number of more than {DIGIT_LIMIT} characters")
    if integer:
        return int(plain, 0) if plain[:2] in ("0o", "0x") else int(plain)
    if number:
        # Python writes infinity and not-a-number as YAML does, less the dot.
        return float(plain.replace(".", "", 1) if plain[-1] in "fFnN" else plain)
    return plain
