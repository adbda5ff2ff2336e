"""A preparation that is killed or interrupted leaves no half-made set, and the next one goes on to the same bytes."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gantool.data import PreparedSet, finishing, making, prepare, writer
from gantool.data.sources.folder import Folder
from gantool.data.workshop import Workshop
from gantool.errors import DataError, ResourceError, UsageError
from tests.data.conftest import Pictures

SCRIPT = """
import json, sys, time
from gantool.data import making, prepare, writer
from gantool.data.sources.folder import Folder
making.NOTED_EVERY = 0.0
writer.SHARD_BYTES = 40 * 8 * 8 * 3
settings = Folder(**json.loads(sys.argv[1]))
prepare(settings, seed=0, workers=int(sys.argv[2]), progress=lambda *_: time.sleep(0.15))
"""

Settings = dict[str, Any]
TOTAL, DEEP = 213, 65


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """200 pictures: shallow and deep ones, duplicates, unreadable ones; in shards of 40."""
    monkeypatch.setattr(writer, "SHARD_BYTES", 40 * 8 * 8 * 3)
    source = np.random.default_rng(0)
    folder = tmp_path / "source"
    folder.mkdir()
    for number in range(200):
        path = folder / f"{number:03d}.png"
        values = source.integers(0, 256, (6, 6, 3)).astype(np.uint8)
        if number % 50 == 7:
            path.write_bytes(b"no picture")
        elif number % 3 == 1:
            Image.fromarray(values[:, :, 0].astype(np.uint16) * 100).resize((12, 12), 0).save(path)
        else:
            Image.fromarray(values).resize((24, 24), 0).save(path)
            if number % 10 == 0:
                Image.fromarray(values).resize((24, 24), 0).save(folder / f"{number:03d}-again.png")
    return {"path": str(folder), "resolution": 8, "skip_bad": True, "deduplicate": True}


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def journal_of(cache: Path) -> Path | None:
    return next((cache / "prepared").glob(".folder-*.part/journal.jsonl"), None)


def lines_of(cache: Path) -> list[str]:
    journal = journal_of(cache)
    return journal.read_text().splitlines() if journal else []


def kill_when(ready: Callable[[], bool], settings: Settings, workers: int) -> None:
    """Start a preparation in a process of its own, and kill it as soon as ``ready`` says so."""
    with subprocess.Popen([sys.executable, "-c", SCRIPT, json.dumps(settings), str(workers)]) as process:
        while not ready():
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


@pytest.fixture
def undisturbed(settings: Settings, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    monkeypatch.setenv("GANTOOL_CACHE", str(tmp_path / "other-cache"))
    content = content_of(prepare(Folder(**settings), seed=0, workers=1))
    monkeypatch.setenv("GANTOOL_CACHE", str(cache))
    return content


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pictures each pass had to decode."""
    counts: list[int] = []
    work = making.work

    def counting(raws: Iterator[Any], task: Any, workers: int | None, count: int) -> Any:
        counts.append(count)
        return work(raws, task, workers, count)

    monkeypatch.setattr(making, "work", counting)
    return counts


def test_the_set_holds_what_this_file_is_about(undisturbed: dict[str, bytes]) -> None:
    header = json.loads(undisturbed["dataset.json"])
    assert header["skipped"] == 4
    assert header["duplicates"] == 13
    assert header["range"]["extent"] is not None
    assert len([name for name in undisturbed if name.startswith("images-")]) == 5
    assert undisturbed["duplicates.txt"].splitlines()[0] == b"000.png: near duplicate of 000-again.png"


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_killed_again_and_again_it_gives_the_same_bytes(
    workers: int, settings: Settings, cache: Path, undisturbed: dict[str, bytes], counted: list[int]
) -> None:
    before = 0
    for wanted in (30, 100, 170):
        kill_when(lambda wanted=wanted: len(lines_of(cache)) >= wanted, settings, workers)  # type: ignore[misc]
        assert not [path for path in (cache / "prepared").iterdir() if not path.name.startswith(".")]
        assert len(lines_of(cache)) >= max(wanted, before)
        before = len(lines_of(cache))
    kill_when(lambda: any("scaled" in line for line in lines_of(cache)), settings, workers)
    folder = prepare(Folder(**settings), seed=0, workers=workers)
    (rest,) = counted  # all was decoded, and some of the deep ones were scaled
    assert 0 < rest < DEEP
    assert content_of(folder) == undisturbed
    assert [path.name for path in (cache / "prepared").iterdir()] == [folder.name]


def test_killed_once_the_rest_is_decoded_and_no_more(
    settings: Settings, cache: Path, undisturbed: dict[str, bytes], counted: list[int]
) -> None:
    kill_when(lambda: len(lines_of(cache)) >= 90, settings, 2)
    text = journal_of(cache).read_text()  # type: ignore[union-attr]
    done = text.count("\n") - 1
    assert content_of(prepare(Folder(**settings), seed=0, workers=2)) == undisturbed
    assert counted[0] == TOTAL - done


@pytest.mark.parametrize("step", ["near_duplicates", "write_companions", "seal"])
def test_interrupted_at_the_end_it_gives_the_same_bytes(
    step: str, settings: Settings, undisturbed: dict[str, bytes], counted: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = getattr(finishing, step)

    def interrupt(*arguments: Any, **named: Any) -> None:
        real(*arguments, **named)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(finishing, step, interrupt)
        with pytest.raises(KeyboardInterrupt):
            prepare(Folder(**settings), seed=0, workers=1)
    assert content_of(prepare(Folder(**settings), seed=0, workers=1)) == undisturbed
    assert counted == [TOTAL, DEEP]


class TestWhatIsLeft:
    @pytest.fixture(autouse=True)
    def _interrupted(self, settings: Settings) -> None:
        def interrupt(what: str, done: int, total: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            prepare(Folder(**settings), seed=0, workers=1, progress=interrupt)

    def test_ctrl_c_loses_nothing_that_was_done(
        self, settings: Settings, undisturbed: dict[str, bytes], counted: list[int]
    ) -> None:
        assert content_of(prepare(Folder(**settings), seed=0)) == undisturbed
        assert counted[0] == TOTAL - 64

    @pytest.mark.parametrize("damage", ["half a line", "zeros", "an older line"])
    def test_a_journal_with_a_broken_end_counts_as_far_as_it_is_whole(
        self, damage: str, settings: Settings, cache: Path, undisturbed: dict[str, bytes], counted: list[int]
    ) -> None:
        journal = journal_of(cache)
        assert journal is not None
        lines = journal.read_bytes().splitlines(keepends=True)
        end = {"half a line": lines[41][:20], "zeros": bytes(50) + b"\n", "an older line": lines[3]}[damage]
        journal.write_bytes(b"".join(lines[:41]) + end)
        assert content_of(prepare(Folder(**settings), seed=0)) == undisturbed
        assert counted[0] == TOTAL - 40

    @pytest.mark.parametrize("lost", ["set/images-00001.npy", "set/images-00000.npy", "prints.bin", "set"])
    def test_rows_that_are_gone_are_made_again(
        self, lost: str, settings: Settings, cache: Path, undisturbed: dict[str, bytes], counted: list[int]
    ) -> None:
        path = journal_of(cache).with_name("prints.bin").parent / lost  # type: ignore[union-attr]
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.write_bytes(path.read_bytes()[:-1])
        assert content_of(prepare(Folder(**settings), seed=0)) == undisturbed
        assert counted[0] == TOTAL

    def test_other_work_begins_anew(self, settings: Settings, tmp_path: Path, counted: list[int]) -> None:
        out = tmp_path / "out"
        workshop = tmp_path / ".out.part"

        def interrupt(what: str, done: int, total: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            prepare(Folder(**settings), seed=0, out=out, progress=interrupt)
        assert workshop.is_dir()
        other = {**settings, "resolution": 4}
        prepare(Folder(**other), seed=0, out=out)
        assert counted[-2] == TOTAL
        assert PreparedSet.open(out).shape == (3, 4, 4)
        assert not workshop.exists()


def test_unreadable_pictures_stop_it_and_with_skip_bad_it_goes_on(
    settings: Settings, undisturbed: dict[str, bytes], counted: list[int]
) -> None:
    with pytest.raises(DataError, match=f"4 of {TOTAL} pictures cannot be used"):
        prepare(Folder(**{**settings, "skip_bad": False}), seed=0)
    assert content_of(prepare(Folder(**settings), seed=0)) == undisturbed
    assert counted == [TOTAL, DEEP]


def test_pictures_that_must_change_leave_nothing_behind(pictures: Pictures, cache: Path) -> None:
    folder = pictures()
    Image.new("RGB", (9, 8)).save(folder / "z.png")
    with pytest.raises(DataError, match="differ in size"):
        prepare(Folder(path=str(folder)), seed=0)
    assert list((cache / "prepared").iterdir()) == []


def test_a_disk_that_fills_up_is_said_and_what_was_done_is_kept(
    settings: Settings, undisturbed: dict[str, bytes], counted: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    append = writer.ShardWriter.append

    def full(self: writer.ShardWriter, pixels: Any) -> None:
        if self.count == 100:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        append(self, pixels)

    with monkeypatch.context() as patch:
        patch.setattr(writer.ShardWriter, "append", full)
        with pytest.raises(ResourceError, match=r"the disk is full.*goes on"):
            prepare(Folder(**settings), seed=0)
    assert content_of(prepare(Folder(**settings), seed=0)) == undisturbed
    assert counted[1] == TOTAL - 102  # two of the first could not be read


class TestOut:
    def test_files_that_come_into_the_folder_meanwhile_stay(self, pictures: Pictures, tmp_path: Path) -> None:
        out = tmp_path / "mine"
        out.mkdir()

        def somebody_writes(*_: object) -> None:
            (out / "thesis.txt").write_text("three years")

        source = Folder(path=str(pictures(count=8)))
        with pytest.raises(UsageError, match="other files have come here meanwhile"):
            prepare(source, seed=0, out=out, progress=somebody_writes)
        assert (out / "thesis.txt").read_text() == "three years"
        (out / "thesis.txt").unlink()
        assert len(PreparedSet.open(prepare(source, seed=0, out=out))) == 8

    def test_who_is_killed_right_after_the_set_appeared_is_done(
        self, pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source, out = Folder(path=str(pictures(count=8))), tmp_path / "mine"

        def killed(self: Workshop) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Workshop, "discard", killed)
            prepare(source, seed=0, out=out)
        assert prepare(source, seed=0, out=out) == out

    def test_a_link_to_a_folder_stays_a_link(self, pictures: Pictures, tmp_path: Path) -> None:
        (tmp_path / "disk").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "disk")
        prepare(Folder(path=str(pictures(count=8))), seed=0, out=tmp_path / "link")
        assert (tmp_path / "link").is_symlink()
        assert len(PreparedSet.open(tmp_path / "link")) == 8
