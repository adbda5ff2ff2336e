"""A run's config, and where it differs from the recipe it began as."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import yaml

from gantool import files
from gantool.config import ExperimentConfig, load_config, parse_config
from gantool.errors import ConfigError
from gantool.recipes import recipes
from gantool.rundir import RunFolder

_MISSING = object()
_CONFIG_BYTES = 1_000_000


class Difference(NamedTuple):
    """One key that is not alike; a value is its YAML, "–" where the key is missing."""

    key: str
    values: tuple[str, ...]


class Settings(NamedTuple):
    """What there is to say of a run's config."""

    config: ExperimentConfig | None
    text: str
    """All of it, as YAML; "" where it cannot be read."""
    recipe: str | None
    """The recipe of the config's name; None where there is none."""
    differences: list[Difference]
    """From the recipe: this run's value, the recipe's."""
    fault: str


def settings_of(run: RunFolder) -> Settings:
    """The config of a run. Raises nothing: a fault is told."""
    try:
        config = parse_config(files.read_regular(run.config, _CONFIG_BYTES), file=str(run.config))
    except ConfigError as error:
        return Settings(None, "", None, [], str(error))
    except OSError as error:
        return Settings(None, "", None, [], f"{run.config}: {error.strerror or error}")
    known = recipes().get(config.name)
    found: list[Difference] = []
    if known is not None:
        try:
            found = differences(config.to_dict(), load_config(known).to_dict())
        except ConfigError:
            known = None
    return Settings(config, config.to_yaml(), known.stem if known else None, found, "")


def differences(*configs: Mapping[str, Any]) -> list[Difference]:
    """The keys in which configs differ, in the order of the first that has them."""
    flat = [_flat(config) for config in configs]
    keys = dict.fromkeys(key for one in flat for key in one)
    found = []
    for key in keys:
        values = [one.get(key, _MISSING) for one in flat]
        if any(value != values[0] or isinstance(value, bool) != isinstance(values[0], bool) for value in values):
            found.append(Difference(key, tuple(_written(value) for value in values)))
    return found


def _flat(value: Any, key: str = "") -> dict[str, Any]:
    """``{"model.latent_dim": 64, …}``; items of lists of sections are ``penalties[0].weight``."""
    if isinstance(value, Mapping) and value:
        return {k: v for name, item in value.items() for k, v in _flat(item, f"{key}.{name}" if key else name).items()}
    if isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        return {k: v for place, item in enumerate(value) for k, v in _flat(item, f"{key}[{place}]").items()}
    return {key: value}


def _written(value: Any) -> str:
    if value is _MISSING:
        return "–"
    return (
        yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000).removesuffix("...\n").strip()
    )
