"""From folders of pictures to prepared sets: content, order, splits, workers, faults."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gantool.data import PreparedSet, prepare, writer
from gantool.data.decode import Options
from gantool.data.sources.folder import Folder
from gantool.data.worker import read_answer
from gantool.errors import DataError, ResourceError, UsageError
from tests.data.conftest import Pictures


def prepared(path: Path, seed: int = 0, workers: int | None = None, **settings: Any) -> PreparedSet:
    return PreparedSet.open(prepare(Folder(path=str(path), **settings), seed=seed, workers=workers))


def everything(found: PreparedSet) -> np.ndarray:
    return found.read(np.arange(len(found)))


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def fault(path: Path, **settings: Any) -> str:
    with pytest.raises(DataError) as caught:
        prepared(path, **settings)
    return str(caught.value)


class TestContent:
    def test_pixels_arrive_unchanged_in_the_order_of_their_names(self, pictures: Pictures) -> None:
        folder = pictures(count=12)
        found = prepared(folder)
        names = sorted(f"{number}.png" for number in range(12))
        assert [record["name"] for record in found.records()] == names
        expected = np.stack([np.asarray(Image.open(folder / name)) for name in names])
        assert (everything(found) == expected).all()
        assert found.shape == (3, 8, 8)

    def test_labels_are_the_first_folders(self, pictures: Pictures, tmp_path: Path) -> None:
        pictures("set/cat", 3)
        pictures("set/dog/young", 5, seed=1)
        found = prepared(tmp_path / "set", labels="folders")
        assert found.classes == ("cat", "dog")
        labels = found.read_labels(np.arange(8))
        assert labels is not None
        assert labels.tolist() == [0] * 3 + [1] * 5
        assert prepared(tmp_path / "set").read_labels([0]) is None

    def test_records_hold_the_digest_of_the_file_and_its_own_size(self, pictures: Pictures) -> None:

        folder = pictures(size=(6, 10))
        found = prepared(folder, resolution=(4, 8), channels="grey")
        record = next(found.records())
        digest = hashlib.sha256((folder / "0.png").read_bytes()).hexdigest()
        assert record == {"name": "0.png", "sha256": digest, "height": 6, "width": 10, "label": None}
        assert found.shape == (1, 4, 8)

    def test_no_name_of_a_time_or_place_is_stored(self, pictures: Pictures, tmp_path: Path) -> None:
        folder = prepared(pictures()).folder
        assert str(tmp_path) not in (folder / "dataset.json").read_text()

    def test_a_set_is_cut_into_shards(self, pictures: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = pictures(count=10)
        whole = everything(prepared(folder, seed=1))
        monkeypatch.setattr(writer.ShardWriter.__init__, "__defaults__", (3 * 8 * 8 * 3,))
        found = prepared(folder, seed=2)
        assert sorted(path.name for path in found.folder.glob("images-*")) == [f"images-0000{n}.npy" for n in range(4)]
        rows = np.array([9, 0, 4, 4, 2, 3, 8])
        assert (found.read(rows) == whole[rows]).all()

    def test_the_common_range_of_deep_pictures_is_one_map_for_all(self, tmp_path: Path) -> None:
        levels = (1000, 2000, 3000)
        for level in levels:
            Image.fromarray(np.full((4, 4), level, np.uint16)).save(tmp_path / f"{level}.png")
        Image.new("L", (4, 4), 7).save(tmp_path / "8-bit.png")
        found = prepared(tmp_path, channels="grey")
        assert everything(found)[:, 0, 0, 0].tolist() == [0, 128, 255, 7]
        assert found.header["range"] == {"setting": "auto", "extent": [1000.0, 3000.0]}


class TestWorkers:
    def test_the_bytes_are_the_same_for_any_number_of_processes(
        self, pictures: Pictures, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = pictures(count=150, size=(9, 12))
        Image.fromarray(np.arange(108, dtype=np.uint16).reshape(9, 12) * 99).save(folder / "deep.png")
        (folder / "bad.png").write_bytes(b"no picture")
        results = []
        for workers in (1, 3):
            monkeypatch.setenv("GANTOOL_CACHE", str(cache / str(workers)))
            found = prepared(folder, workers=workers, resolution=8, fit="pad", skip_bad=True)
            results.append(content_of(found.folder))
        assert results[0] == results[1]
        assert len(results[0]) == 5

    def test_it_works_from_a_script_without_a_main_guard(self, pictures: Pictures, tmp_path: Path) -> None:

        folder = pictures(count=20)
        script = (
            "import sys; from gantool.data import prepare; from gantool.data.sources.folder import Folder\n"
            "print(prepare(Folder(path=sys.argv[1], resolution=8), seed=0, workers=2))"
        )
        done = subprocess.run(
            [sys.executable, "-", str(folder)], input=script, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert len(PreparedSet.open(Path(done.stdout.strip()))) == 20
        assert done.stderr == ""

    def test_a_worker_that_dies_is_a_fault_with_the_files_named(
        self, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
    ) -> None:

        monkeypatch.setattr("gantool.data.workers.sys.executable", "/bin/false")
        with pytest.raises(ResourceError, match=r"ended \(exit status 1\).*0.png"):
            prepared(pictures(), workers=2)

    def test_a_worker_ignores_signals_and_ends_with_its_input(self, pictures: Pictures) -> None:
        request = json.dumps([str(pictures() / "0.png")]).encode() + b"\n"
        command = [sys.executable, "-c", "from gantool.data.worker import main; main()"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(Options(None, "rgb")._asdict()).encode() + b"\n")
            for _ in range(2):
                process.stdin.write(request)
                process.stdin.flush()
                assert len(read_answer(process.stdout)) == 1
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
                    process.send_signal(number)
            process.stdin.close()
            assert process.wait() == 0

    def test_decoding_loads_no_torch(self) -> None:

        code = "import sys, gantool.data.worker; print(sorted({'torch', 'torchvision'} & set(sys.modules)))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]"

    def test_progress_ends_at_the_whole(self, pictures: Pictures) -> None:
        calls: list[tuple[str, int, int]] = []
        settings = Folder(path=str(pictures(count=130)))
        prepare(settings, seed=0, progress=lambda *call: calls.append(call))
        assert calls == [("decode", 64, 130), ("decode", 128, 130), ("decode", 130, 130)]


class TestHoldout:
    def test_the_split_is_stored_and_disjoint(self, pictures: Pictures) -> None:
        found = prepared(pictures(count=40), holdout=0.25)
        assert found.counts == {"train": 30, "holdout": 10}
        both = np.concatenate([found.indices("train"), found.indices("holdout")])
        assert sorted(both.tolist()) == list(range(40))
        assert both.dtype == np.int64

    def test_the_seed_decides_it(self, pictures: Pictures) -> None:
        folder = pictures(count=40)
        held = [prepared(folder, seed=seed).indices("holdout").tolist() for seed in (0, 1)]
        assert held[0] != held[1]
        none = [prepared(folder, seed=seed, holdout=0) for seed in (0, 1)]
        assert none[0].folder == none[1].folder
        assert none[0].counts["holdout"] == 0


class TestCache:
    def test_a_second_start_takes_what_is_there(self, pictures: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = Folder(path=str(pictures()))
        first = prepare(settings, seed=0)
        monkeypatch.setattr("gantool.data.preparation.decode_files", lambda *_: pytest.fail("decoded again"))
        assert prepare(settings, seed=0) == first

    def test_a_moved_folder_is_the_same_set_and_a_changed_one_is_not(self, pictures: Pictures) -> None:
        folder = pictures()
        first = prepared(folder).folder
        moved = folder.rename(folder.with_name("moved"))
        assert prepared(moved).folder == first
        Image.new("RGB", (8, 8)).save(moved / "1.png")
        assert prepared(moved).folder != first

    def test_each_option_makes_a_set_of_its_own(self, pictures: Pictures) -> None:
        folder = pictures(size=(6, 9))
        options: list[dict[str, Any]] = [
            {},
            {"resolution": 8},
            {"resolution": 8, "fit": "pad"},
            {"resolution": 8, "fit": "pad", "background": "black"},
            {"channels": "grey"},
            {"range": (0, 99)},
            {"holdout": 0.5},
        ]
        assert len({prepared(folder, **option).folder for option in options}) == len(options)

    def test_a_set_with_its_header_gone_is_made_again(self, pictures: Pictures) -> None:
        settings = Folder(path=str(pictures()))
        folder = prepare(settings, seed=0)
        (folder / "dataset.json").unlink()
        with pytest.raises(DataError, match="no prepared set here"):
            PreparedSet.open(folder)
        assert len(PreparedSet.open(prepare(settings, seed=0))) == 4

    def test_nothing_is_left_behind_when_it_fails(self, pictures: Pictures, cache: Path) -> None:
        folder = pictures()
        (folder / "bad.png").touch()
        fault(folder)

        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        (folder / "bad.png").unlink()
        with pytest.raises(KeyboardInterrupt):
            prepare(Folder(path=str(folder)), seed=0, workers=2, progress=interrupt)
        assert list((cache / "prepared").iterdir()) == []

    def test_a_full_disk_is_found_before_work_begins(self, pictures: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("gantool.data.cache.shutil.disk_usage", lambda _: type("Usage", (), {"free": 100}))
        with pytest.raises(ResourceError, match="GB are free"):
            prepared(pictures(), resolution=8)

    def test_a_cache_that_is_no_folder(self, pictures: Pictures, cache: Path) -> None:
        cache.touch()
        with pytest.raises(UsageError, match="set GANTOOL_CACHE"):
            prepared(pictures())


class TestFaults:
    def test_no_pictures_says_what_was_looked_for_and_what_is_there(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        assert "found no files at all" in fault(tmp_path / "empty")
        (tmp_path / "a.heic").touch()
        (tmp_path / "notes").touch()
        assert ".png" in fault(tmp_path)
        assert "found 2 other files (.heic, no suffix)" in fault(tmp_path)

    def test_all_offenders_are_listed_with_their_reasons(self, pictures: Pictures) -> None:
        folder = pictures(count=5)
        for number in range(25):
            (folder / f"bad-{number:02d}.png").write_bytes(b"" if number % 2 else b"text")
        message = fault(folder)
        assert "25 of 30 pictures cannot be used" in message
        assert "bad-00.png: not an image (PNG, JPEG, WEBP, BMP, TIFF, GIF)" in message
        assert "bad-19.png: empty" in message
        assert "bad-20.png" not in message
        assert "… and 5 more" in message
        report = Path(message.split("The whole list: ")[1].splitlines()[0])
        assert len(report.read_text().splitlines()) == 25

    def test_bad_ones_are_left_out_when_asked_and_written_down(
        self, pictures: Pictures, caplog: pytest.LogCaptureFixture
    ) -> None:
        folder = pictures(count=5)
        (folder / "0-bad.png").touch()
        with caplog.at_level(logging.WARNING):
            found = prepared(folder, skip_bad=True)
        assert len(found) == 5
        assert (found.folder / "skipped.txt").read_text() == "0-bad.png: empty\n"
        assert found.header["skipped"] == 1
        assert "1 unreadable pictures left out" in caplog.text

    def test_animations_are_said_once(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "lime")]
        for name in "abc":
            frames[0].save(tmp_path / f"{name}.gif", save_all=True, append_images=frames[1:])
        with caplog.at_level(logging.WARNING):
            prepared(tmp_path)
        assert [record.message.split(": ")[1] for record in caplog.records] == [
            "of 3 animations the first frame was taken"
        ]

    def test_sizes_that_differ_ask_for_a_resolution(self, pictures: Pictures) -> None:
        folder = pictures()
        Image.new("RGB", (9, 8)).save(folder / "z.png")
        message = fault(folder)
        assert "0.png has 8×8 pixels and z.png has 9×8" in message
        assert "data.resolution" in message
        assert len(prepared(folder, resolution=8)) == 5

    def test_too_few(self, pictures: Pictures) -> None:
        assert "1 usable picture, at least 2" in fault(pictures("one", 1))
        assert len(prepared(pictures("two", 2), holdout=0.5)) == 2

    def test_label_problems(self, pictures: Pictures, tmp_path: Path) -> None:
        pictures("set/cat", 3)
        assert "all pictures are of one class (cat)" in fault(tmp_path / "set", labels="folders")
        pictures("set/dog", 3)
        pictures("set", 2)
        assert "2 pictures lie in no class folder, such as 0.png" in fault(tmp_path / "set", labels="folders")

    def test_names_that_are_not_text(self, pictures: Pictures) -> None:

        folder = pictures(count=3)
        raw = os.fsencode(folder) + b"/\xff.png"
        with open(raw, "wb"):  # noqa: PTH123 - a path of bytes
            pass
        assert r"\udcff.png: empty" in fault(folder)
        found = prepared(folder, skip_bad=True, workers=2)
        assert len(found) == 3
        assert json.dumps(found.header)
