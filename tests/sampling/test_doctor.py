"""`gantool doctor` says what is there, and survives what is broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gantool import __version__
from tests.command import Ended

Command = Callable[..., Ended]


def test_it_knows_the_machine(gantool: Command, cache_of_the_session: Path) -> None:
    ended = gantool("doctor", "--json")
    assert ended.code == 0
    found = json.loads(ended.out)
    assert found["versions"]["gantool"] == __version__
    assert found["versions"]["torch"].startswith(torch.__version__.partition("+")[0])
    assert found["processor"]["threads"] == torch.get_num_threads()
    assert found["devices"][0]["device"] == "cpu"
    assert isinstance(found["devices"][0]["native_bfloat16"], bool)
    assert found["automatic"]["device"].partition(":")[0] in {"cpu", "cuda", "mps"}
    assert found["cache"]["folder"] == str(cache_of_the_session)
    assert found["cache"]["writable"] is True
    assert found["embedded_data"] == {"whole": True, "faulty": []}


def test_the_cache_is_weighed(gantool: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "images").write_bytes(bytes(12_345))
    monkeypatch.setenv("GANTOOL_CACHE", str(tmp_path))
    assert json.loads(gantool("doctor", "--json").out)["cache"]["size_bytes"] == 12_345


def test_a_cache_that_cannot_be_made(gantool: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("GANTOOL_CACHE", str(tmp_path / "file" / "cache"))
    assert json.loads(gantool("doctor", "--json").out)["cache"]["writable"] is False


@pytest.mark.parametrize("as_json", [True, False])
def test_a_broken_part_is_shown_and_ends_nothing(
    gantool: Command, monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    def broken() -> bool:
        raise RuntimeError("driver too old")

    monkeypatch.setattr(torch.cuda, "is_available", broken)
    ended = gantool("doctor", *(["--json"] if as_json else []))
    assert ended.code == 0
    assert "RuntimeError: driver too old" in ended.out
    assert __version__ in ended.out
    assert "embedded" in ended.out


def test_people_read_words(gantool: Command) -> None:
    lines = gantool("doctor").out.splitlines()
    assert any(line.split()[:1] == ["torch"] for line in lines)
    assert any("native bfloat16 yes" in line or "native bfloat16 no" in line for line in lines)
