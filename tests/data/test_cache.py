"""Where the cache is, and who may write to it at once."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gantool.data import PreparedSet, cache_folder, prepare
from gantool.data.cache import remove_leftovers, workshop
from gantool.data.sources.folder import Folder
from tests.data.conftest import Pictures


def test_the_variable_goes_first(cache: Path) -> None:
    assert cache_folder() == cache


class TestWithoutTheVariable:
    @pytest.fixture(autouse=True)
    def _here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("GANTOOL_CACHE")
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.chdir(tmp_path)

    def test_the_home_folder(self, tmp_path: Path) -> None:
        assert cache_folder() == tmp_path / ".cache" / "gantool"

    def test_the_xdg_cache_unless_relative(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
        assert cache_folder() == tmp_path / "xdg" / "gantool"
        monkeypatch.setenv("XDG_CACHE_HOME", "xdg")
        assert cache_folder() == tmp_path / ".cache" / "gantool"

    def test_no_home_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
        assert cache_folder() == tmp_path / ".gantool-cache"

    def test_a_home_folder_that_cannot_be_written(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("gantool.data.cache.os.access", lambda *_: False)
        assert cache_folder() == tmp_path / ".gantool-cache"


def ended_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_leftovers_of_dead_processes_go_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    host = socket.gethostname()
    dead = tmp_path / f".set-1.{host}.{ended_process()}.abcd.part"
    alive = tmp_path / f".set-1.{host}.{os.getpid()}.abcd.part"
    elsewhere = tmp_path / f".set-1.another-host.{ended_process()}.abcd.part"
    finished = tmp_path / "set-1"
    for folder in (dead, alive, elsewhere, finished):
        folder.mkdir()
        (folder / "images-00000.npy").touch()
    remove_leftovers(tmp_path)
    assert not dead.exists()
    assert alive.exists()
    assert elsewhere.exists()
    assert finished.exists()


def test_who_comes_second_takes_what_the_first_made(tmp_path: Path) -> None:
    target = tmp_path / "set"
    with workshop(target) as slow:
        (slow / "dataset.json").write_text("slow")
        with workshop(target) as quick:
            (quick / "dataset.json").write_text("quick")
    assert (target / "dataset.json").read_text() == "quick"
    assert list(tmp_path.glob(".*")) == []


def test_two_processes_at_once_both_end_well(pictures: Pictures) -> None:
    folder = pictures(count=60)
    script = (
        "import sys; from gantool.data import prepare; from gantool.data.sources.folder import Folder\n"
        "print(prepare(Folder(path=sys.argv[1]), seed=0))"
    )

    def run(_: int) -> str:
        command = [sys.executable, "-c", script, str(folder)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(run, range(2))
    assert first == second == str(prepare(Folder(path=str(folder)), seed=0))
    assert len(PreparedSet.open(Path(first))) == 60
