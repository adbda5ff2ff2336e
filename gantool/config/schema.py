"""Questions to the config's types: which keys and names are possible at a path, given what is written there."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from gantool.yamlfile import KeyPath, Value

Model = type[BaseModel]


def sections_at(root: Model, data: Value, path: KeyPath) -> list[Model]:
    """The settings classes that ``path`` may hold; the one that ``data`` names where it names one."""
    annotation: Any = root
    value: Any = data
    for part in path:
        annotation = _part(_chosen(_models(annotation), value), annotation, part)
        value = _child(value, part)
    return _chosen(_models(annotation), value)


def keys_of(models: list[Model]) -> list[str]:
    """The keys that a file may write in any of ``models``, in the order of the classes."""
    return list(dict.fromkeys(key for model in models for key in _fields(model)))


def required_keys_of(models: list[Model]) -> list[str]:
    """The keys that cannot be left out."""
    infos = (item for model in models for item in model.model_fields.items())
    return list(dict.fromkeys(info.alias or name for name, info in infos if info.is_required()))


def names_of(models: list[Model], discriminator: str) -> list[str]:
    """The choices for the key that tells ``models`` apart, sorted."""
    fields = (_fields(model).get(discriminator) for model in models)
    return sorted(str(choice) for annotation in fields for choice in choices_of(annotation))


def choices_of(annotation: Any) -> list[Any]:
    """The values of the literals in ``annotation``."""
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [choice for member in _members(annotation) for choice in choices_of(member)]


def description_of(models: list[Model], key: str) -> str | None:
    """What the class says about ``key``."""
    infos = (info for model in models for name, info in model.model_fields.items() if key in (name, info.alias))
    return next((info.description for info in infos if info.description), None)


def discriminator_of(models: list[Model]) -> str:
    """``name``, or ``source`` for data."""
    return "source" if models and "source" in models[0].model_fields else "name"


def _fields(model: Model) -> dict[str, Any]:
    return {info.alias or name: info.annotation for name, info in model.model_fields.items()}


def _members(annotation: Any) -> Iterator[Any]:
    """The members of a union, the inside of `Annotated`; nothing of anything else."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield get_args(annotation)[0]
    elif origin in (Union, types.UnionType):
        yield from get_args(annotation)


def _models(annotation: Any) -> list[Model]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for member in _members(annotation) for model in _models(member)]


def _chosen(models: list[Model], value: Any) -> list[Model]:
    """Those of ``models`` that ``value`` names; all where it names none."""
    if not isinstance(value, dict):
        return models
    key = discriminator_of(models)
    return [model for model in models if value.get(key) in names_of([model], key)] or models


def _part(models: list[Model], annotation: Any, part: str | int) -> Any:
    """The type of one key or item; None where there is none."""
    if isinstance(part, str):
        return next((fields[part] for model in models if part in (fields := _fields(model))), None)
    for items in _tuples(annotation):
        return items[part] if part < len(items) and items[part] is not ... else items[0]
    return None


def _tuples(annotation: Any) -> list[tuple[Any, ...]]:
    if get_origin(annotation) in (tuple, list):
        return [get_args(annotation)]
    return [found for member in _members(annotation) for found in _tuples(member)]


def _child(value: Any, part: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(part)
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return None
