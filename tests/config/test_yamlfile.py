"""YAML in, plain values out, and nothing worse than a message."""

from __future__ import annotations

import math
import string
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gantool import yamlfile
from gantool.errors import ConfigError
from gantool.yamlfile import parse


def value(text: str | bytes) -> yamlfile.Value:
    return parse(text, file="f.yaml").value


def fault(text: str | bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text, file="f.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1e-4", 1e-4),
        ("2E-4", 2e-4),
        ("1.e5", 1e5),
        (".5", 0.5),
        ("+3.0", 3.0),
        ("-7", -7),
        ("007", 7),
        ("0o17", 15),
        ("0x1F", 31),
        ("-.inf", -math.inf),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("null", None),
        ("", None),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("Off", "Off"),
        ("2024-01-01", "2024-01-01"),
        ("12:30:00", "12:30:00"),
        ("1_000", "1_000"),
        ("tRue", "tRue"),
        ("1e", "1e"),
        (".", "."),
        ("'1e-4'", "1e-4"),
        ('"true"', "true"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(written: str, expected: yamlfile.Value) -> None:
    found = value(f"a: {written}")
    assert isinstance(found, dict)
    assert found["a"] == expected
    assert type(found["a"]) is type(expected)


def test_not_a_number_is_one() -> None:
    found = value("[.nan, .NaN]")
    assert isinstance(found, list)
    assert all(isinstance(item, float) and math.isnan(item) for item in found)


def test_every_value_knows_its_line() -> None:
    document = parse("# head\na:\n  b: 1\n  c:\n    - x\n    - y: 2\nd:\n  3\n", file="f")
    assert document.lines == {
        (): 2, ("a",): 2, ("a", "b"): 3, ("a", "c"): 4, ("a", "c", 0): 5, ("a", "c", 1): 6, ("a", "c", 1, "y"): 6,
        ("d",): 7,
    }  # fmt: skip


def test_an_alias_is_a_copy() -> None:
    document = parse("a: &x {b: [1]}\nc: *x\nd: &y 5\n*y : e", file="f")
    assert document.value == {"a": {"b": [1]}, "c": {"b": [1]}, "d": 5}
    assert [fault.message for fault in document.faults] == ["a key must be text; put it in quotes"]
    found = document.value
    assert isinstance(found, dict)
    assert found["a"] is not found["c"]


def test_duplicate_keys_are_all_found_and_the_first_counts() -> None:
    document = parse("a: 1\nb: {c: 1, c: 2}\na: 3\n", file="f")
    assert document.value == {"a": 1, "b": {"c": 1}}
    assert [(f.line, f.path, f.message) for f in document.faults] == [
        (2, ("b", "c"), "duplicate key; it stands on line 2 already"),
        (3, ("a",), "duplicate key; it stands on line 1 already"),
    ]


def test_a_byte_order_mark_is_skipped() -> None:
    assert value("\ufeffa: ä") == value(b"\xef\xbb\xbfa: \xc3\xa4") == {"a": "ä"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\n\tb: 2", "f.yaml:2:1: a tab; indent with spaces"),
        ("a: b: c", "f.yaml:1:5: ': ' may not stand here; check the indentation or quote the text"),
        ("a: 1\n b: 2", "f.yaml:2:3: ': ' may not stand here; check the indentation or quote the text"),
        ("a:\n  b: 1\n c: 2", "f.yaml:3:2: the indentation does not fit the lines above"),
        ("a: 'x", "f.yaml:1:6: a quote that is never closed"),
        ("a: [1, 2\nb: 3", "f.yaml:2:2: a list with '[' that is not closed, or lacks a comma"),
        ("a: {b: 1", "f.yaml:1:9: a section with '{' that is not closed, or lacks a comma"),
        ("a: 1\n---\nb: 2", "f.yaml:2:1: a second document ('---'); a config is one"),
        ("a: *b", "f.yaml:1:4: *b: an alias (*) whose anchor (&) is not above it"),
        ("a: &a [*a]", "f.yaml:1:8: *a: an alias (*) whose anchor (&) is not above it"),
        ("a: \x07", "f.yaml:1:4: a control character, which YAML does not allow"),
        (b"a: 1\nb: \xe9", "f.yaml:2: byte 0xe9 is not UTF-8; save the file as UTF-8"),
        ("a: b".encode("utf-16"), "f.yaml: written in UTF-16; save it as UTF-8"),
        ('a: "\\ud800"', "f.yaml:1:4: half a surrogate pair, which is no character"),
        ('a: "\\UFFFFFFFF"', "f.yaml: an escape or a %YAML line that no text has"),
        ("a: " + "9" * 101, "f.yaml:1:4: a number of more than 100 characters"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "f.yaml:1: byte 0x89 is not UTF-8; save the file as UTF-8"),
        (b"PK\x03\x04", "f.yaml:1:3: a control character, which YAML does not allow"),
    ],
)
def test_what_cannot_be_read_is_placed(text: str | bytes, expected: str) -> None:
    assert fault(text) == expected


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.system ['touch owned']",
        "!!python/name:os.system",
        "!!python/tuple [1]",
        "!!str 5",
        "!!binary aGk=",
        "!!timestamp 2024-01-01",
        "!mine {a: 1}",
        "! x",
    ],
)
def test_no_tag_is_obeyed(tag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert fault(f"a: {tag}").startswith("f.yaml:1:4: tags (")
    assert not list(tmp_path.iterdir())


NINE = "\n".join(f"{after}: &{after} [{', '.join(['*' + before] * 9)}]" for before, after in zip("abcdefgh", "bcdefghi", strict=True))  # fmt: skip  # noqa: E501


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[" * 100_000, "nested more than 32 levels deep"),
        ("{a: " * 100_000, "nested more than 32 levels deep"),
        ("- " * 100_000, "nested more than 32 levels deep"),
        ("? " * 100_000, "nested more than 32 levels deep"),
        ("\n".join(" " * depth + "a:" for depth in range(500)), "nested more than 32 levels deep"),
        (f"a: &a [{', '.join('x' * 9)}]\n{NINE}", "aliases that repeat too much; write the values out"),
        (f"a: &a [{'[' * 20}{']' * 20}]\nb: [{'[' * 20}*a{']' * 20}]", "aliases that repeat too much"),
        ("a: 1\n" * 6_000, "more than 10000 values; this is no config"),
        ("#" * 1_000_001, "larger than 1000 kB; this is no config"),
        (b"#" * 1_000_001, "larger than 1000 kB; this is no config"),
    ],
    ids=["lists", "sections", "items", "keys", "indentation", "laughs", "deep alias", "values", "text", "bytes"],
)
def test_bombs_are_refused(text: str | bytes, expected: str) -> None:
    assert expected in fault(text)


def test_a_file_is_read_no_further_than_the_limit(tmp_path: Path) -> None:
    sparse = tmp_path / "huge.yaml"
    with sparse.open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(ConfigError, match="larger than 1000 kB"):
        yamlfile.read(sparse)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    for path, expected in (
        (tmp_path / "no.yaml", "cannot be read: No such file or directory"),
        (tmp_path, "this is a folder; name the config file in it"),
        (Path("nul\0l"), "cannot be read"),
    ):
        with pytest.raises(ConfigError, match=expected):
            yamlfile.read(path)


def harmless(content: str | bytes) -> None:
    """Whatever is written, there is a document or a ConfigError."""
    try:
        document = parse(content, file="f.yaml")
    except ConfigError as error:
        assert str(error).startswith("f.yaml:")
    else:
        assert () in document.lines


YAMLISH = st.text(st.sampled_from("ab:-? \n\t'\"[]{},#&*!|>%@`~.019eE+_<\\xu\ufeff\x85\u2028"), max_size=60)


@given(YAMLISH)
@settings(max_examples=500, deadline=None)
@example("%YAML 1." + "9" * 5000 + "\n---\na")
@example("a: !<%ff> x")
@example('"\\xZZ"')
@example("? - a\n: b")
def test_fuzzed_text_is_harmless(text: str) -> None:
    harmless(text)


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_fuzzed_bytes_are_harmless(content: bytes) -> None:
    harmless(content)


LETTERS = st.text(string.printable + "äß漢", max_size=12).map(lambda t: t.replace("\x0b", "").replace("\x0c", ""))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | LETTERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(LETTERS.map("k".__add__), inner, max_size=3),
    max_leaves=12,
)


@given(VALUES)
@settings(max_examples=200, deadline=None)
def test_what_pyyaml_writes_in_quotes_reads_back(written: yamlfile.Value) -> None:
    text = yaml.safe_dump(written, default_style='"' if isinstance(written, str) else None, allow_unicode=True)
    found = value(text)
    assert _without_numbers_in_text(found) == _without_numbers_in_text(written)


def _without_numbers_in_text(value: yamlfile.Value) -> yamlfile.Value:
    """PyYAML writes the text 1e5 without quotes (YAML 1.1 has no such number); leave such text out."""
    if isinstance(value, dict):
        return {key: _without_numbers_in_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_numbers_in_text(item) for item in value]
    if isinstance(value, str) and isinstance(yamlfile.resolve(value), int | float):
        return yamlfile.resolve(value)
    return value
