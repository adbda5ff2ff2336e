"""Tests over the registries.

A test that takes ``loss``, ``penalty``, ``augmentation`` or ``model`` runs for each registered one, so that a
new component is tested by being registered.
"""

from __future__ import annotations

from typing import Any, get_args

import pytest

from gantool.augment import AnyAugmentation
from gantool.component import Settings
from gantool.losses import AnyLoss
from gantool.models import AnyModel
from gantool.penalties import AnyPenalty

SMALL: dict[str, dict[str, Any]] = {
    "mlp": {"hidden": (16, 24)},
    "dcgan": {"width": 8},
    "compact": {"width": 8},
}


def members(family: Any) -> list[type[Settings]]:
    """The settings classes of a family: of ``Annotated[A | B, ...]``, or of a family of one."""
    if isinstance(family, type):
        return [family]
    return list(get_args(get_args(family)[0]))


def _default(component: type[Settings]) -> Settings:
    return component(**SMALL.get(component.model_fields["name"].default, {}))


REGISTRIES = {"loss": AnyLoss, "penalty": AnyPenalty, "augmentation": AnyAugmentation, "model": AnyModel}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for argument, family in REGISTRIES.items():
        if argument in metafunc.fixturenames:
            components = [_default(component) for component in members(family)]
            metafunc.parametrize(argument, components, ids=[component.name for component in components])
