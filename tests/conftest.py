"""Shared by all rooms: one cache for the whole test session, few threads, no stray run folders."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.command import Ended

os.environ.setdefault("OMP_NUM_THREADS", "1")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell has it for what runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)  # processes under test would inherit it


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


@pytest.fixture
def gantool(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """``gantool(verb, *arguments)`` through the real entry point, exit code included."""

    from gantool.cli import main

    def run(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["gantool", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        out, err = capsys.readouterr()
        return Ended(int(code or 0), out, err)

    return run
