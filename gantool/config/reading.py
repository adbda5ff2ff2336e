"""A file, or a stored config, into an `ExperimentConfig`; or every fault of it at once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from gantool import yamlfile
from gantool.config import checks
from gantool.config.explain import explain
from gantool.config.origins import Fault, Origins, dotted
from gantool.config.overrides import apply_overrides
from gantool.config.settings import ExperimentConfig
from gantool.errors import ConfigError
from gantool.yamlfile import Value


def load_config(path: Path | str, overrides: Sequence[str] = ()) -> ExperimentConfig:
    """Read the config file at ``path``.

    Args:
        path: a YAML file.
        overrides: ``KEY=VALUE`` each, as ``--set`` takes them; the last of two wins.

    Raises:
        ConfigError: with every fault of the file and the overrides.
    """
    return _from_document(yamlfile.read(Path(path)), str(path), overrides)


def parse_config(text: str | bytes, *, file: str = "config", overrides: Sequence[str] = ()) -> ExperimentConfig:
    """Read a config from its text; ``file`` is what messages call it. Raises as `load_config` does."""
    return _from_document(yamlfile.parse(text, file=file), file, overrides)


def from_dict(data: Mapping[str, Any], *, file: str = "stored config") -> ExperimentConfig:
    """Read what `ExperimentConfig.to_dict` gave, for example out of a checkpoint. Raises as `load_config` does."""
    return _validated(dict(data), Origins(file), [])


def _from_document(document: yamlfile.Document, file: str, overrides: Sequence[str]) -> ExperimentConfig:
    origins = Origins(file, dict(document.lines))
    faults = [_at_line(file, fault) for fault in document.faults]
    if not isinstance(document.value, dict):
        what = "empty" if document.value is None else "not a list of `key: value` lines"
        raise ConfigError(f"{file}: {what}; `gantool config copy quickstart` gives a config to start from")
    data: dict[str, Value] = document.value
    faults += apply_overrides(data, overrides, origins)
    return _validated(data, origins, faults)


def _at_line(file: str, fault: yamlfile.LineFault) -> Fault:
    key = f"{dotted(fault.path)}: " if fault.path else ""
    return Fault(fault.line, f"{file}:{fault.line}: {key}{fault.message}")


def _validated(data: dict[str, Value], origins: Origins, faults: list[Fault]) -> ExperimentConfig:
    # JSON mode is strict about types (no "64" for 64) yet takes a list for a tuple.
    content = json.dumps(_whole_numbers(data))
    try:
        config = ExperimentConfig.model_validate_json(content, strict=True)
        sections = {name: getattr(config, name) for name in ExperimentConfig.model_fields}
    except ValidationError as error:
        config = None
        faults += [origins.fault(path, message) for path, message in explain(ExperimentConfig, data, error)]
        sections = _sound_sections(data)
    faults += [origins.fault(path, message) for path, message in checks.run(sections)]
    if config is None or faults:
        raise ConfigError(*(fault.text for fault in sorted(faults, key=lambda fault: fault.line)))
    return checks.resolve_ramps(config)


def _sound_sections(data: dict[str, Value]) -> dict[str, Any]:
    """The sections that are right by themselves, so that what lies between them is checked in the same go."""
    sections = {}
    for name, info in ExperimentConfig.model_fields.items():
        if name not in data:
            continue
        annotation: Any = Annotated[info.annotation, info]
        try:
            sections[name] = TypeAdapter(annotation).validate_json(json.dumps(_whole_numbers(data[name])), strict=True)
        except ValidationError:
            continue
    return sections


def _whole_numbers(value: Any) -> Any:
    """``1.2e6`` is a whole number too: floats without a fraction become integers (a float key takes either)."""
    if isinstance(value, dict):
        return {key: _whole_numbers(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_whole_numbers(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value
