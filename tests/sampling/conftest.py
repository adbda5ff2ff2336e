"""Checkpoints that several tests read, and the command line within this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from gantool.models import Compact, StyleGAN2
from tests.architectures import colour
from tests.sampling.helpers import GARMENTS, architectures, make_checkpoint, small


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unconditional checkpoint."""
    return make_checkpoint(tmp_path_factory.mktemp("plain") / "plain.safetensors", small(Compact))


@pytest.fixture(scope="session")
def garments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class-conditional checkpoint."""
    path = tmp_path_factory.mktemp("garments") / "garments.safetensors"
    return make_checkpoint(path, small(Compact, conditional=True), classes=GARMENTS)


@pytest.fixture(scope="session", params=architectures(), ids=lambda a: a.__name__)
def any_checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class-conditional checkpoint of every architecture in turn."""
    settings = small(request.param, conditional=True)
    path = tmp_path_factory.mktemp("any") / f"{request.param.__name__}.safetensors"
    return make_checkpoint(path, settings, shape=colour(settings, channels=1), classes=GARMENTS)


@pytest.fixture(scope="session")
def styled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unconditional stylegan2."""
    return make_checkpoint(tmp_path_factory.mktemp("styled") / "styled.safetensors", small(StyleGAN2))
