"""Shared by all rooms: one cache for the whole test session, few threads, no stray run folders."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Prepared sets go where the tests can be forgotten, and are made once."""
    folder = tmp_path_factory.mktemp("cache")
    before = os.environ.get("GANTOOL_CACHE")
    os.environ["GANTOOL_CACHE"] = str(folder)
    yield folder
    if before is None:
        del os.environ["GANTOOL_CACHE"]
    else:
        os.environ["GANTOOL_CACHE"] = before
