"""A small set of real garments, and a run on it that is barely trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from gantool.data import PreparedSet, prepare
from gantool.data.sources.embedded import Embedded
from gantool.rundir import RunFolder
from tests.training.helpers import MODELS, run_straight, tiny

DATA = "data={source: embedded, holdout: 0.4, max_images: 500}"


@pytest.fixture(scope="session")
def garments() -> PreparedSet:
    """300 to train on, 200 held out, ten classes."""
    return PreparedSet.open(prepare(Embedded(source="embedded", holdout=0.4, max_images=500), seed=3))


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Sixty steps of a conditional dcgan."""
    config = tiny(*MODELS["dcgan-class"], DATA)
    return run_straight(config, tmp_path_factory.mktemp("evaluated") / "run")


@pytest.fixture(scope="session")
def checkpoint(run: RunFolder) -> Path:
    """Its last checkpoint."""
    newest = run.newest()
    assert newest is not None
    return newest
