"""Checkpoints that several tests read, and the command line within this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from gantool.models import Compact
from tests.sampling.helpers import GARMENTS, make_checkpoint, small


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unconditional checkpoint."""
    return make_checkpoint(tmp_path_factory.mktemp("plain") / "plain.safetensors", small(Compact))


@pytest.fixture(scope="session")
def garments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class-conditional checkpoint."""
    path = tmp_path_factory.mktemp("garments") / "garments.safetensors"
    return make_checkpoint(path, small(Compact, conditional=True), classes=GARMENTS)
