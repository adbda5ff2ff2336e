"""A config with anything anywhere is read, or refused in words; it never ends in a traceback."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gantool.config import from_dict, parse_config
from gantool.errors import ConfigError
from tests.config.helpers import BASE, faults

WORDS = [
    "name",
    "source",
    "from",
    "to",
    "until",
    "r1",
    "dcgan",
    "adam",
    "folder",
    "official",
    "auto",
    "none",
    "yes",
    "1e3",
]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(WORDS)
)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
RESOLVED = parse_config(BASE).to_dict()


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from _paths(item, (*path, key))


PATHS = list(_paths(RESOLVED))


@given(st.lists(st.tuples(st.sampled_from(PATHS), ANYTHING), min_size=1, max_size=3))
@settings(max_examples=400, deadline=None)
def test_anything_anywhere(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    data = copy.deepcopy(RESOLVED)
    for path, value in changes:
        section: Any = data
        for key in path[:-1]:
            section = section[key] if _has(section, key) else {}
        if _has(section, path[-1]):
            section[path[-1]] = value
    try:
        config = from_dict(data, file="f")
    except ConfigError as error:
        assert error.faults
        for fault in error.faults:
            assert fault.startswith("f: ")
            assert not any(jargon in fault for jargon in ("union", "Input", "_type", "pydantic", "NoneType"))
    else:
        assert parse_config(config.to_yaml()) == config


def _has(section: Any, key: Any) -> bool:
    if isinstance(section, list):
        return isinstance(key, int) and key < len(section)
    return isinstance(section, dict) and key in section


@given(st.text("abc.=[]{}:#0 \n\t\"'", max_size=12))
@settings(max_examples=200, deadline=None)
def test_any_override(override: str) -> None:
    found = faults(BASE, [override])
    assert all(fault.startswith(f"--set {override}") for fault in found)
