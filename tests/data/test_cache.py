"""Where the cache is, and who may write to it at once."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gantool.data import PreparedSet, cache_folder, prepare
from gantool.data.sources.folder import Folder
from gantool.data.workshop import remove_forgotten, remove_leftovers, workshop
from gantool.errors import UsageError
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


class TestWorkshop:
    def test_what_is_published_appears_whole_and_the_rest_goes(self, tmp_path: Path) -> None:
        target = tmp_path / "made" / "set"
        with workshop(target.parent, "set") as shop:
            (shop.set / "dataset.json").write_text("{}")
            shop.journal.write_text("")
            assert not target.exists()
            shop.publish(shop.set, target, ours=True)
        assert [path.name for path in target.iterdir()] == ["dataset.json"]
        assert list(target.parent.iterdir()) == [target]

    def test_an_empty_folder_and_half_a_set_give_way_and_a_whole_set_stays(self, tmp_path: Path) -> None:
        for name, before in (("empty", ()), ("half", ("split.npy",)), ("whole", ("dataset.json", "split.npy"))):
            (tmp_path / name).mkdir()
            for file in before:
                (tmp_path / name / file).write_text("before")
            with workshop(tmp_path, name) as shop:
                (shop.set / "dataset.json").write_text("after")
                shop.publish(shop.set, tmp_path / name, ours=True)
            assert (tmp_path / name / "dataset.json").read_text() == ("before" if name == "whole" else "after")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "half", "whole"]

    def test_it_keeps_what_is_in_it_for_the_next(self, tmp_path: Path) -> None:
        with workshop(tmp_path, "set") as shop:
            (shop.set / "images-00000.npy").write_text("pixels")
        with workshop(tmp_path, "set") as shop:
            assert (shop.set / "images-00000.npy").read_text() == "pixels"
            shop.discard()
        assert list(tmp_path.iterdir()) == []

    def test_who_comes_second_waits_and_is_told(self, tmp_path: Path) -> None:
        order: list[str] = []
        waits = threading.Event()

        def second() -> None:
            def waiting() -> None:
                order.append("waits")
                waits.set()

            with workshop(tmp_path, "set", waiting) as shop:
                order.append("second")
                assert list(shop.set.iterdir()) == []
                shop.discard()

        with ThreadPoolExecutor(1) as threads:
            with workshop(tmp_path, "set") as shop:
                later = threads.submit(second)
                assert waits.wait(60)
                order.append("first")
                shop.publish(shop.set, tmp_path / "set", ours=True)
            later.result()
        assert order == ["waits", "first", "second"]
        assert [path.name for path in tmp_path.iterdir()] == ["set"]

    def test_without_locks_it_is_gone_when_it_was_not_published(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("gantool.data.workshop._HAS_LOCKS", False)
        with workshop(tmp_path, "set") as one, workshop(tmp_path, "set") as other:
            assert one.set != other.set
            (one.set / "dataset.json").write_text("one")
            (other.set / "dataset.json").write_text("other")
            other.publish(other.set, tmp_path / "set", ours=True)
            one.publish(one.set, tmp_path / "set", ours=True)
        assert (tmp_path / "set" / "dataset.json").read_text() == "other"
        assert [path.name for path in tmp_path.iterdir()] == ["set"]

    def test_a_strangers_folder_of_that_name_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / ".set.part").mkdir()
        (tmp_path / ".set.part" / "thesis.tex").touch()
        with pytest.raises(UsageError, match=r"holds thesis.tex, which is none of ours"), workshop(tmp_path, "set"):
            pass
        assert (tmp_path / ".set.part" / "thesis.tex").exists()

    def test_what_nobody_went_on_with_for_long_is_removed(self, tmp_path: Path) -> None:
        for name in ("old", "held", "new"):
            with workshop(tmp_path, name) as shop:
                shop.journal.write_text("")
        for path in (*tmp_path.glob(".old.part/*"), *tmp_path.glob(".held.part/*"), *tmp_path.glob(".*.part")):
            if ".new" not in str(path):
                os.utime(path, (0, 0))
        with workshop(tmp_path, "held"):
            os.utime(tmp_path / ".held.part", (0, 0))
            remove_forgotten(tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == [".held.part", ".new.part"]


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
