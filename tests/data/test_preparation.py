"""From folders of pictures to prepared sets: content, order, splits, workers, faults."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gantool.data import PreparedSet, prepare, writer
from gantool.data.sources.folder import Folder
from gantool.data.sources.prepared import Prepared
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
        assert record == {"name": "0.png", "sha256": digest, "height": 6, "width": 10, "label": None, "caption": None}
        assert found.shape == (1, 4, 8)

    def test_no_name_of_a_time_or_place_is_stored(self, pictures: Pictures, tmp_path: Path) -> None:
        folder = prepared(pictures()).folder
        assert str(tmp_path) not in (folder / "dataset.json").read_text()

    def test_a_set_is_cut_into_shards(self, pictures: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = pictures(count=10)
        whole = everything(prepared(folder, seed=1))
        monkeypatch.setattr(writer, "SHARD_BYTES", 3 * 8 * 8 * 3)
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

    def test_progress_ends_at_the_whole(self, pictures: Pictures) -> None:
        calls: list[tuple[str, int, int]] = []
        settings = Folder(path=str(pictures(count=130)))
        prepare(settings, seed=0, progress=lambda *call: calls.append(call))
        decoded = [("decode", 64, 130), ("decode", 128, 130), ("decode", 130, 130)]
        assert calls == [*decoded, ("compare", 0, 130), ("compare", 130, 130)]


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


def look_alikes(folder: Path) -> Path:
    """Twelve pictures of noise; 3 and 7 are one picture, and so are 1, 5 and 9."""
    source = np.random.default_rng(0)
    folder.mkdir()
    noise = [Image.fromarray(source.integers(0, 256, (16, 16, 3), np.uint8)) for _ in range(12)]
    for number, same in ((7, 3), (5, 1), (9, 1)):
        noise[number] = noise[same]
    for number, picture in enumerate(noise):
        picture.save(folder / f"{number:02d}.png")
    return folder


class TestDuplicates:
    def test_they_stay_on_one_side_of_the_split(self, tmp_path: Path) -> None:
        folder = look_alikes(tmp_path / "set")
        sides = set()
        for seed in range(12):
            held = set(prepared(folder, seed=seed, holdout=0.34).indices("holdout").tolist())
            assert len(held) == 4
            assert held & {3, 7} in ({3, 7}, set())
            assert held & {1, 5, 9} in ({1, 5, 9}, set())
            sides.add((3 in held, 1 in held))
        assert len(sides) > 2

    def test_one_of_each_is_kept_and_the_others_are_listed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = look_alikes(tmp_path / "set")
        monkeypatch.setattr(writer, "SHARD_BYTES", 5 * 16 * 16 * 3)
        found = prepared(folder, deduplicate=True)
        names = [record["name"] for record in found.records()]
        assert names == [f"{number:02d}.png" for number in (0, 1, 2, 3, 4, 6, 8, 10, 11)]
        expected = np.stack([np.asarray(Image.open(folder / name)) for name in names])
        assert (everything(found) == expected).all()
        assert (found.folder / "duplicates.txt").read_text().splitlines() == [
            "05.png: near duplicate of 01.png",
            "07.png: near duplicate of 03.png",
            "09.png: near duplicate of 01.png",
        ]
        assert found.header["duplicates"] == 3
        assert len(found) == sum(found.counts.values()) == 9

    def test_the_one_with_the_most_pixels_is_kept(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = look_alikes(tmp_path / "set")
        Image.open(folder / "05.png").resize((32, 32), 0).save(folder / "05.png")
        monkeypatch.setattr("gantool.data.finishing.near_duplicates", lambda prints, sizes=None: [[1, 5, 9], [3, 7]])
        found = prepared(folder, deduplicate=True, resolution=16)
        names = [record["name"][:2] for record in found.records()]
        assert names == ["00", "02", "03", "04", "05", "06", "08", "10", "11"]

    def test_deep_pictures_are_compared_too(self, tmp_path: Path) -> None:
        source = np.random.default_rng(0)
        for number in range(6):
            values = source.integers(0, 2000, (16, 16), np.uint16)
            Image.fromarray(values).save(tmp_path / f"{number}.png")
        Image.fromarray(values).save(tmp_path / "7.png")
        assert prepared(tmp_path, deduplicate=True).header["duplicates"] == 1

    def test_a_set_of_one_picture_many_times_is_too_small(self, pictures: Pictures) -> None:
        folder = pictures(count=1)
        for number in range(1, 5):
            (folder / f"{number}.png").write_bytes((folder / "0.png").read_bytes())
        assert "fewer than 2 pictures are left" in fault(folder, deduplicate=True)


class TestMaxImages:
    def test_so_many_are_drawn_by_the_seed_each_class_its_share(self, pictures: Pictures, tmp_path: Path) -> None:
        pictures("set/cat", 30)
        pictures("set/dog", 10, seed=1)
        found = [prepared(tmp_path / "set", seed=seed, max_images=20, labels="folders", holdout=0) for seed in (0, 1)]
        for one in found:
            assert np.bincount(one.read_labels(np.arange(20))).tolist() == [15, 5]  # type: ignore[arg-type]
        first, second = ([record["name"] for record in one.records()] for one in found)
        assert first == sorted(first) != second
        assert len(prepared(tmp_path / "set", max_images=99)) == 40


class TestOut:
    def test_the_set_appears_there_and_a_second_time_it_is_taken_as_it_is(
        self, pictures: Pictures, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings = Folder(path=str(pictures()))
        out = tmp_path / "deep" / "out"
        assert prepare(settings, seed=0, out=out) == out
        assert content_of(out) == content_of(prepare(settings, seed=0))
        assert [path.name for path in out.parent.iterdir()] == ["out"]
        monkeypatch.setattr("gantool.data.making.work", lambda *_: pytest.fail("decoded again"))
        assert prepare(settings, seed=0, out=out) == out

    def test_other_options_or_pictures_do_not_write_over_it(self, pictures: Pictures, tmp_path: Path) -> None:
        folder, out = pictures(), tmp_path / "out"
        prepare(Folder(path=str(folder)), seed=0, out=out)
        for seed, options in ((1, {}), (0, {"channels": "grey"})):
            with pytest.raises(UsageError, match="made from other pictures or with other options"):
                prepare(Folder(path=str(folder), **options), seed=seed, out=out)  # type: ignore[arg-type]
        Image.new("RGB", (8, 8)).save(folder / "1.png")
        with pytest.raises(UsageError, match="made from other pictures"):
            prepare(Folder(path=str(folder)), seed=0, out=out)

    def test_what_is_no_set_is_left_alone(self, pictures: Pictures, tmp_path: Path) -> None:
        settings = Folder(path=str(pictures()))
        (tmp_path / "full").mkdir()
        (tmp_path / "full" / "thesis.tex").touch()
        with pytest.raises(UsageError, match="full: holds other files; --out takes a new or an empty folder"):
            prepare(settings, seed=0, out=tmp_path / "full")
        (tmp_path / "file").touch()
        with pytest.raises(UsageError, match="file: is a file"):
            prepare(settings, seed=0, out=tmp_path / "file")
        (tmp_path / "empty").mkdir()
        assert len(PreparedSet.open(prepare(settings, seed=0, out=tmp_path / "empty"))) == 4

    def test_a_prepared_set_is_not_prepared_again(self, pictures: Pictures, tmp_path: Path) -> None:
        folder = prepare(Folder(path=str(pictures())), seed=0)
        with pytest.raises(UsageError, match="is prepared already"):
            prepare(Prepared(path=str(folder)), seed=0, out=tmp_path / "out")


class TestCache:
    def test_a_second_start_takes_what_is_there(self, pictures: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = Folder(path=str(pictures()))
        first = prepare(settings, seed=0)
        monkeypatch.setattr("gantool.data.making.work", lambda *_: pytest.fail("decoded again"))
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
            {"deduplicate": True},
            {"skip_bad": True},
            {"max_images": 3},
        ]
        assert len({prepared(folder, **option).folder for option in options}) == len(options)

    def test_a_set_with_its_header_gone_is_made_again(self, pictures: Pictures) -> None:
        settings = Folder(path=str(pictures()))
        folder = prepare(settings, seed=0)
        (folder / "dataset.json").unlink()
        with pytest.raises(DataError, match="no prepared set here"):
            PreparedSet.open(folder)
        assert len(PreparedSet.open(prepare(settings, seed=0))) == 4

    def test_a_full_disk_is_found_before_work_begins(self, pictures: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("gantool.data.workshop.shutil.disk_usage", lambda _: type("Usage", (), {"free": 100}))
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


def test_deduplicate_leaves_it_to_a_person_which_of_two_labels_is_right(
    pictures: Pictures, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pictures("set/cat", 6, size=(24, 24))
    pictures("set/dog", 6, size=(24, 24), seed=1)
    for name in ("dog/of-cat.png", "cat/again.png"):
        (tmp_path / "set" / name).write_bytes((tmp_path / "set/cat/0.png").read_bytes())
    with caplog.at_level(logging.WARNING):
        found = prepared(tmp_path / "set", labels="folders", deduplicate=True, holdout=0.25)
    names = [record["name"] for record in found.records()]
    assert "dog/of-cat.png" in names
    assert sum(name in ("cat/0.png", "cat/again.png") for name in names) == 1
    assert found.header["duplicates"] == 1
    assert "1 pictures stand under several classes" in caplog.text
    held = {names[row] for row in found.indices("holdout")}
    assert len(held & {"dog/of-cat.png", "cat/0.png", "cat/again.png"}) in (0, 2)
