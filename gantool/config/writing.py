"""Plain values → a config file that a person likes to read, and that reads back to the same values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from gantool.yamlfile import FLOAT, INTEGER

_WIDTH = 100
_FIRST = ("name", "source")
"""Says which component a section configures, so it stands first."""


def to_yaml(data: Mapping[str, Any]) -> str:
    """One block for each key of ``data``, with an empty line around sections."""
    blocks = [_dump({key: value}) for key, value in data.items()]
    apart = [_is_section(value) for value in data.values()]
    text = blocks[0] if blocks else ""
    for position in range(1, len(blocks)):
        text += "\n" * (apart[position] or apart[position - 1]) + blocks[position]
    return text


def _is_section(value: Any) -> bool:
    return isinstance(value, Mapping | list) and bool(value)


def _dump(value: Any) -> str:
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)


class _Dumper(yaml.SafeDumper):
    """Sections as blocks; lists of plain values, and ramps, on one line."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent lists inside sections, as people write them."""
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:
        """Write values out, however often they occur."""
        return True


def _represent_list(dumper: _Dumper, items: list[Any]) -> yaml.Node:
    plain = not any(isinstance(item, Mapping) and not _is_ramp(item) for item in items)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=plain)


def _represent_section(dumper: _Dumper, section: dict[str, Any]) -> yaml.Node:
    ordered = {key: section[key] for key in sorted(section, key=lambda key: key not in _FIRST)}
    return dumper.represent_mapping("tag:yaml.org,2002:map", ordered.items(), flow_style=_is_ramp(section))


def _is_ramp(section: Mapping[str, Any]) -> bool:
    return "from" in section and "to" in section


_Dumper.add_representer(list, _represent_list)
_Dumper.add_representer(dict, _represent_section)
# PyYAML quotes text that YAML 1.1 would read as something else ("yes", "2024-01-01"); YAML 1.2 knows more numbers.
for tag, pattern in (("float", FLOAT), ("int", INTEGER)):
    _Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"(?:{pattern.pattern})\Z"), None)
