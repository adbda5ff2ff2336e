"""``--set KEY=VALUE``: dotted keys, list positions, and a value in YAML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from gantool import yamlfile
from gantool.config.explain import shown
from gantool.config.origins import Fault, Origins, dotted
from gantool.errors import ConfigError
from gantool.yamlfile import KeyPath, Value

_LAST = float("inf")


class _Misfit(Exception):
    """The key leads nowhere, or the value cannot be read."""


def apply_overrides(data: dict[str, Value], overrides: Sequence[str], origins: Origins) -> list[Fault]:
    """Put each override into ``data``, in order, and note its origin.

    Returns:
        the faults of those that could not be put anywhere.
    """
    faults = []
    for override in overrides:
        typed = f"--set {override}"
        key, equals, text = override.partition("=")
        if not (equals and key.strip()):
            faults.append(Fault(_LAST, f"{typed}: write KEY=VALUE, for example --set training.batch_size=32"))
            continue
        try:
            path = _assign(data, key.strip().split("."), _parsed(text))
        except _Misfit as misfit:
            faults.append(Fault(_LAST, f"{typed}: {misfit}"))
        else:
            origins.override(path, typed)
    return faults


def _parsed(text: str) -> Value:
    if text.lstrip().startswith("#"):  # a colour, which YAML would take for a comment
        return text.strip()
    try:
        document = yamlfile.parse(text, file="")
    except ConfigError as error:
        raise _Misfit(re.sub(r"^(:\d+)*: ", "", str(error))) from None
    if document.faults:
        raise _Misfit("; ".join(fault.message for fault in document.faults))
    return document.value


def _assign(data: dict[str, Value], keys: list[str], value: Value) -> KeyPath:
    """Set the value at ``keys``; sections that are not there yet are made."""
    path: KeyPath = ()
    container: Any = data
    for position, key in enumerate(keys):
        part = _part(container, key, path)
        path = (*path, part)
        if position == len(keys) - 1:
            container[part] = value
        elif isinstance(container, dict) and container.get(key) is None:
            container[part] = {}
        container = container[part]
    return path


def _part(container: Any, key: str, path: KeyPath) -> str | int:
    if isinstance(container, dict):
        return key
    if not isinstance(container, list):
        raise _Misfit(f"{dotted(path)} is {shown(container)} and has no keys")
    if not (key.isascii() and key.isdigit() and int(key) < len(container)):
        known = f"positions 0 to {len(container) - 1}" if container else "no items yet"
        raise _Misfit(f"{dotted(path)} is a list with {known}; {key} is none of them")
    return int(key)
