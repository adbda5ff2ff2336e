"""Reading prepared sets: rows, damage, and memory."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from gantool.data import PreparedSet, prepare, prepared
from gantool.data.chunks import CHUNK
from gantool.data.sources.embedded import Embedded
from gantool.data.sources.folder import Folder
from gantool.data.writer import seal
from gantool.errors import DataError
from tests.data.conftest import Pictures


@pytest.fixture
def folder(pictures: Pictures, tmp_path: Path) -> Path:
    pictures("set/a", 6)
    pictures("set/b", 6, seed=1)
    return prepare(Folder(path=str(tmp_path / "set"), labels="folders"), seed=3)


def test_reading_keeps_order_and_repeats_and_gives_copies(folder: Path) -> None:
    found = PreparedSet.open(folder)
    whole = found.read(np.arange(12))
    rows = [7, 0, 7, 11]
    part = found.read(rows)
    assert (part == whole[rows]).all()
    part[:] = 0  # a copy: writing to it does not reach the file
    assert (found.read(rows) == whole[rows]).all()
    assert found.read([]).shape == (0, 8, 8, 3)


@pytest.mark.parametrize("rows", [[12], [-1], [0, 99]])
def test_rows_that_are_not_there(folder: Path, rows: list[int]) -> None:
    found = PreparedSet.open(folder)
    with pytest.raises(IndexError):
        found.read(rows)
    with pytest.raises(IndexError):
        found.read_labels(rows)


def test_a_moved_set_is_the_same_set(folder: Path, tmp_path: Path) -> None:
    fingerprint = PreparedSet.open(folder).fingerprint
    moved = Path(shutil.move(folder, tmp_path / "elsewhere"))
    assert PreparedSet.open(moved).fingerprint == fingerprint


@pytest.mark.parametrize("name", ["images-00000.npy", "labels.npy", "split.npy", "images.jsonl"])
def test_a_flipped_bit_in_any_file_is_found_and_the_file_named(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[-3] ^= 4
    (folder / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name}: this prepared set is damaged.* delete the folder"):
        PreparedSet.open(folder)


@pytest.mark.parametrize(
    "change",
    [{"label": 2}, {"label": -1}, {"label": "a"}, {"label": True}, {"label": 0.0}, {"caption": ["a"]}, {"caption": 1}],
)
def test_a_record_of_what_is_not_there_is_no_record(folder: Path, change: dict[str, object]) -> None:
    """A stranger can seal anything."""
    lines = (folder / prepared.RECORDS).read_text().splitlines(keepends=True)
    seal_again(folder, [json.dumps(json.loads(lines[0]) | change) + "\n", *lines[1:]])
    with pytest.raises(DataError, match=r"images\.jsonl: this prepared set is damaged"):
        list(PreparedSet.open(folder).records())


def test_there_is_a_record_for_each_picture(folder: Path) -> None:
    lines = (folder / prepared.RECORDS).read_text().splitlines(keepends=True)
    for odd in (lines[:-1], [*lines, lines[0]], []):
        seal_again(folder, odd)
        with pytest.raises(DataError, match=r"images\.jsonl: .* of 12 pictures"):
            list(PreparedSet.open(folder).records())


def seal_again(folder: Path, lines: list[str]) -> None:
    (folder / prepared.RECORDS).write_text("".join(lines))
    header = json.loads((folder / prepared.HEADER).read_text())
    (folder / prepared.HEADER).unlink()
    seal(folder, {key: value for key, value in header.items() if key not in {"files", "fingerprint", "digest"}})


@pytest.mark.parametrize("name", ["images-00000.npy", "labels.npy", "split.npy", "images.jsonl"])
def test_a_missing_or_shortened_file_is_found(folder: Path, name: str) -> None:
    (folder / name).write_bytes((folder / name).read_bytes()[:-1])
    with pytest.raises(DataError, match=f"{name}.*bytes instead of"):
        PreparedSet.open(folder)
    (folder / name).unlink()
    with pytest.raises(DataError, match=f"{name}.*cannot be read"):
        PreparedSet.open(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"files": {}},
        {"files": {"images-00000.npy": 7}},
        {"shape": [1, 8, 8]},
        {"shape": None},
        {"classes": ["a", "c"]},
        {"counts": {"train": 1, "holdout": 1}},
        {"fingerprint": "0"},
    ],
)
def test_a_header_that_does_not_fit_is_found(folder: Path, change: dict[str, object]) -> None:
    header = json.loads((folder / "dataset.json").read_text())
    (folder / "dataset.json").write_text(json.dumps({**header, **change}))
    with pytest.raises(DataError, match="damaged"):
        PreparedSet.open(folder)


def test_a_header_that_names_files_elsewhere_is_refused_before_they_are_touched(folder: Path) -> None:
    header = json.loads((folder / "dataset.json").read_text())
    header["files"]["../images.npy"] = {"bytes": 1, "sha256": []}
    (folder / "dataset.json").write_text(json.dumps(header))
    with pytest.raises(DataError, match="names what it should not"):
        PreparedSet.open(folder)


def test_another_format_and_no_json(folder: Path) -> None:
    header = json.loads((folder / "dataset.json").read_text())
    (folder / "dataset.json").write_text(json.dumps({**header, "format": 99}))
    with pytest.raises(DataError, match="format 99"):
        PreparedSet.open(folder)
    (folder / "dataset.json").write_text("[" * 100_000)
    with pytest.raises(DataError, match="damaged"):
        PreparedSet.open(folder)


def test_beyond_the_limit_only_verify_reads_everything(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytearray((folder / "images-00000.npy").read_bytes())
    content[-3] ^= 4
    (folder / "images-00000.npy").write_bytes(content)
    monkeypatch.setattr(prepared, "CHECKED_AT_OPENING", 100)
    found = PreparedSet.open(folder)
    with pytest.raises(DataError, match=r"images-00000.npy"):
        found.verify()


def test_damage_is_placed_to_its_chunk() -> None:
    found = PreparedSet.open(prepare(Embedded(), seed=0))
    path = found.folder / "images-00000.npy"
    with path.open("r+b") as stream:
        stream.seek(CHUNK + 5)
        stream.write(b"\xff\xfe\xfd")
    with pytest.raises(DataError, match=f"changed between bytes {CHUNK:,} and {2 * CHUNK:,}"):
        found.verify()


def test_verify_tells_how_far_it_is(folder: Path) -> None:
    calls: list[tuple[str, int, int]] = []
    PreparedSet.open(folder).verify(lambda *call: calls.append(call))
    total = sum(path.stat().st_size for path in folder.iterdir() if path.name != "dataset.json")
    assert calls[-1] == ("check", total, total)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux counts anonymous memory there")
def test_reading_all_rows_takes_no_anonymous_memory() -> None:
    def anonymous() -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))

    found = PreparedSet.open(prepare(Embedded(resolution=56), seed=0))  # 31 MB
    found.read(np.arange(64))
    before = anonymous()
    for start in range(0, len(found) - 64, 64):
        found.read(np.arange(start, start + 64))
    assert anonymous() - before < 8_000
