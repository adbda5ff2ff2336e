"""What pydantic found, in a person's words: where it stands, what was expected, what is there, what was meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from gantool.config.schema import (
    Model,
    description_of,
    discriminator_of,
    keys_of,
    names_of,
    required_keys_of,
    sections_at,
)
from gantool.yamlfile import DIGIT_LIMIT, KeyPath, Value, resolve

Explained = tuple[KeyPath, str]


def explain(root: Model, data: Value, error: ValidationError) -> list[Explained]:
    """One (path, message) for each fault that ``error`` holds.

    Args:
        root: the settings class that refused ``data``.
        data: what the file says.
        error: as `root` raised it.
    """
    found: dict[KeyPath, list[Mapping[str, Any]]] = {}
    for detail in error.errors(include_url=False):
        found.setdefault(_path(data, detail), []).append(detail)
    return [
        (_place(root, data, path, details), _message(root, data, path, details))
        for path, details in found.items()
        if not _told_better(data, path, found)
    ]


def did_you_mean(word: str, choices: list[str]) -> str:
    """``; did you mean dcgan?``, or nothing."""
    close = difflib.get_close_matches(word.lower(), choices, n=1)
    return f"; did you mean {close[0]}?" if close else ""


# --- where ---------------------------------------------------------------------------------------------------


def _path(data: Value, detail: Mapping[str, Any]) -> KeyPath:
    """Pydantic's location less the names of union members, which it puts between the keys."""
    path: KeyPath = ()
    value: Any = data
    for part in detail["loc"]:
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and isinstance(part, int):
            value = value[part] if part < len(value) else None
        elif not (isinstance(value, dict) and part == detail["loc"][-1] and detail["type"] == "missing"):
            continue
        path = (*path, part)
    return path


def _told_better(data: Value, path: KeyPath, found: Mapping[KeyPath, Any]) -> bool:
    """Whether ``path`` holds a section or a list, and the fault lies inside of it.

    (For a key that takes a number or a ramp, pydantic says of a faulty ramp that it is no number, too.)
    """
    return isinstance(value_at(data, path), dict | list) and any(
        len(other) > len(path) and other[: len(path)] == path for other in found
    )


def _place(root: Model, data: Value, path: KeyPath, details: list[Mapping[str, Any]]) -> KeyPath:
    """A wrong name is a fault of its key, not of the whole section; so is what a validator says of one key."""
    if details[0]["type"] in _NAME_REFUSED:
        return (*path, discriminator_of(sections_at(root, data, path)))
    return (*path, *_key_in_message(root, data, path, details))


def value_at(data: Value, path: KeyPath) -> Value:
    """What ``data`` holds at ``path``; None where it holds nothing."""
    value: Any = data
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value  # type: ignore[no-any-return]


# --- what ----------------------------------------------------------------------------------------------------


def _key_in_message(root: Model, data: Value, path: KeyPath, details: list[Mapping[str, Any]]) -> KeyPath:
    """The key that a section's own validator begins its message with: ``holdout: this source …``."""
    if details[0]["type"] != "value_error":
        return ()
    key, colon, _ = str(details[0]["ctx"]["error"]).partition(": ")
    return (key,) if colon and key in keys_of(sections_at(root, data, path)) else ()


def _message(root: Model, data: Value, path: KeyPath, details: list[Mapping[str, Any]]) -> str:
    kind = details[0]["type"]
    if kind == "extra_forbidden":
        return _unknown_key(root, data, path)
    if kind == "missing":
        return _missing(root, data, path)
    if kind == "value_error":
        said = str(details[0]["ctx"]["error"])
        return "".join(said.removeprefix(f"{key}: ") for key in _key_in_message(root, data, path, details)) or said
    if kind in _NAME_REFUSED:
        return _wrong_name(root, data, (*path, discriminator_of(sections_at(root, data, path))))
    if kind == "literal_error" and path[-1] in ("name", "source"):
        return _wrong_name(root, data, path)
    return _wrong_type(value_at(data, path), path, sections_at(root, data, path), details)


def _unknown_key(root: Model, data: Value, path: KeyPath) -> str:
    key, keys = str(path[-1]), keys_of(sections_at(root, data, path[:-1]))
    homes = [part for part in keys_of([root]) if key in keys_of(sections_at(root, data, (part,)))]
    elsewhere = f"; did you mean {homes[0]}.{key}?" if homes else ""
    return f"unknown key{did_you_mean(key, keys) or elsewhere or '; keys here: ' + ', '.join(keys)}"


def _missing(root: Model, data: Value, path: KeyPath) -> str:
    if isinstance(path[-1], int):
        return "missing; the list is too short"
    models = sections_at(root, data, path)
    names = names_of(models, discriminator_of(models))
    if names:
        key = discriminator_of(models)
        return f"missing; write {path[-1]}: {{{key}: …}}; choices: {', '.join(names)}"
    if models:
        return f"missing; a section with the keys {', '.join(keys_of(models))}"
    description = description_of(sections_at(root, data, path[:-1]), path[-1])
    return f"missing; {description[0].lower() + description[1:].rstrip('.')}" if description else "missing"


def _wrong_name(root: Model, data: Value, path: KeyPath) -> str:
    key, written = str(path[-1]), value_at(data, path)
    names = names_of(sections_at(root, data, path[:-1]), key)
    choices = f"choices: {', '.join(names)}"
    if written is None:
        return f"missing; {choices}"
    if not isinstance(written, str):
        return f"unknown {key}, {shown(written)}; {choices}"
    return f"unknown {key} {written!r}{did_you_mean(written, names) or ';'} {choices}"


def _wrong_type(value: Value, path: KeyPath, models: list[Model], details: list[Mapping[str, Any]]) -> str:
    if models and all(one["type"] in _SECTION_EXPECTED for one in details):
        return f"expected a section, found {shown(value)}{_section_example(path, value, models)}"
    phrases = list(dict.fromkeys(phrase for one in details for phrase in _expected(one, models)))
    either = " or ".join([", ".join(phrases[:-1]), phrases[-1]] if len(phrases) > 1 else phrases)
    return f"expected {either}, found {shown(value)}{_hint(value, details)}"


def _section_example(path: KeyPath, value: Value, models: list[Model]) -> str:
    """``model: dcgan`` is a name without its section."""
    key = discriminator_of(models)
    names = names_of(models, key)
    if not names:
        return f"; its keys are {', '.join(keys_of(models))}"
    name = value if value in names else "…"
    place = "" if isinstance(path[-1], int) else f"{path[-1]}: "
    return f"; write {place}{{{key}: {name}}}; choices: {', '.join(names)}"


_NAME_REFUSED = ("union_tag_invalid", "union_tag_not_found")
_SECTION_EXPECTED = ("model_type", "model_attributes_type", "dict_type")

_EXPECTED: Mapping[str, str | Callable[[Mapping[str, Any]], str]] = {
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "string_too_short": lambda limits: f"text of at least {limits['min_length']} characters",
    "string_too_long": lambda limits: f"text of at most {limits['max_length']} characters",
    "greater_than": lambda limits: f"a number above {_number(limits['gt'])}",
    "greater_than_equal": lambda limits: f"a number of at least {_number(limits['ge'])}",
    "less_than": lambda limits: f"a number below {_number(limits['lt'])}",
    "less_than_equal": lambda limits: f"a number of at most {_number(limits['le'])}",
    "multiple_of": lambda limits: f"a multiple of {_number(limits['multiple_of'])}",
    "none_required": "null",
    "tuple_type": "a list",
    "list_type": "a list",
    "too_short": lambda limits: f"a list of at least {limits['min_length']}",
    "too_long": lambda limits: f"a list of at most {limits['max_length']}",
}


def _expected(detail: Mapping[str, Any], models: list[Model]) -> list[str]:
    """What would have been right, in one or more phrases."""
    kind = detail["type"]
    if kind == "literal_error":
        return re.split(r", | or ", detail["ctx"]["expected"].replace("'", ""))
    if kind in _SECTION_EXPECTED:
        keys = ", ".join(f"{key}: …" for key in required_keys_of(models))
        return [f"a section {{{keys}}}" if keys else "a section"]
    phrase = _EXPECTED.get(kind)
    if phrase is None:  # a kind that none of our settings had when this was written
        return [re.sub(r"^(Input|Value) should be ", "", detail["msg"])]
    return [phrase if isinstance(phrase, str) else phrase(detail["ctx"])]


def shown(value: Value) -> str:
    """A value in a message."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            return f"the text {value[:60]!r}" + ("…" if len(value) > 60 else "")
        case dict():
            return "a section"
        case list():
            return f"a list of {len(value)}"
        case _:
            return _number(value)[:60]


def _number(value: float) -> str:
    return repr(int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value)


def _hint(value: Value, details: list[Mapping[str, Any]]) -> str:
    """What a person who wrote ``value`` may have meant."""
    kinds = {detail["type"] for detail in details}
    if "string_type" in kinds and isinstance(value, bool | int | float):
        return "; put it in quotes"
    if not isinstance(value, str) or len(value) > DIGIT_LIMIT:
        return ""
    if "bool_type" in kinds and value.lower() in ("yes", "on", "y", "no", "off", "n"):
        return f"; write {'true' if value.lower() in ('yes', 'on', 'y') else 'false'}"
    if kinds & {"int_type", "float_type", "bool_type"} and isinstance(resolve(value), bool | int | float):
        return "; take the quotes away"
    bare = value.replace("_", "").replace(",", "")
    if kinds & {"int_type", "float_type"} and isinstance(resolve(bare), int | float):
        return f"; write {bare}"
    choices = [word for detail in details for word in _literals(detail)]
    return did_you_mean(value, choices)


def _literals(detail: Mapping[str, Any]) -> list[str]:
    return re.findall(r"'([^']*)'", detail["ctx"]["expected"]) if detail["type"] == "literal_error" else []
