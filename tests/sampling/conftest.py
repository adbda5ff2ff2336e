"""Checkpoints that several tests read, and the command line within this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from gantool.cli import main
from gantool.models import Compact
from tests.sampling.helpers import GARMENTS, make_checkpoint, small


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unconditional checkpoint."""
    return make_checkpoint(tmp_path_factory.mktemp("plain") / "plain.safetensors", small(Compact))


@pytest.fixture(scope="session")
def garments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class-conditional checkpoint."""
    path = tmp_path_factory.mktemp("garments") / "garments.safetensors"
    return make_checkpoint(path, small(Compact, conditional=True), classes=GARMENTS)


@pytest.fixture
def gantool(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """``gantool(verb, *arguments)`` through the real entry point, exit code included."""

    def run(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["gantool", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        out, err = capsys.readouterr()
        return Ended(int(code or 0), out, err)

    return run
