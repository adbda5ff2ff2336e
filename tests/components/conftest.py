"""Tests over the registries.

A test that takes ``loss``, ``penalty`` (or a kind of it), ``augmentation`` or ``model`` runs for each registered
one, so that a new component is tested by being registered.
"""

from __future__ import annotations

from typing import Any, get_args

import pytest

from gantool.augment import AnyAugmentation
from gantool.component import Settings
from gantool.losses import AnyLoss
from gantool.models import AnyModel
from gantool.penalties import AnyPenalty, GeneratorPenalty, ImagePenalty, Penalty
from tests.architectures import SMALL_MODELS

SMALL: dict[str, dict[str, Any]] = {
    **SMALL_MODELS,
    "ada": {"probability": 1.0, "target": None},
    "ada-steered": {"probability": 0.6},
}
"""Settings that keep the tests quick; ``name-variant`` is one more of the kind."""


def members(family: Any) -> list[type[Settings]]:
    """The settings classes of a family: of ``Annotated[A | B, ...]``, or of a family of one."""
    if isinstance(family, type):
        return [family]
    return list(get_args(get_args(family)[0]))


def variants(family: Any) -> dict[str, Settings]:
    """Every member by its name, and its variants by theirs."""
    found: dict[str, Settings] = {}
    for component in members(family):
        name = component.model_fields["name"].default
        names = [key for key in SMALL if key.split("-")[0] == name] or [name]
        found |= {key: component(**SMALL.get(key, {})) for key in names}
    return found


REGISTRIES: dict[str, tuple[Any, type[Settings]]] = {
    "loss": (AnyLoss, Settings),
    "penalty": (AnyPenalty, Penalty),
    "image_penalty": (AnyPenalty, ImagePenalty),
    "generator_penalty": (AnyPenalty, GeneratorPenalty),
    "augmentation": (AnyAugmentation, Settings),
    "model": (AnyModel, Settings),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for argument, (family, kind) in REGISTRIES.items():
        if argument in metafunc.fixturenames:
            components = {key: member for key, member in variants(family).items() if isinstance(member, kind)}
            metafunc.parametrize(argument, components.values(), ids=components.keys())
