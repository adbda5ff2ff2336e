"""Parquet files that are not as they should be, and reading them in one pass."""

from __future__ import annotations

import builtins
import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gantool.data import prepare
from gantool.data.decode import BadPicture
from gantool.data.sources.parquet import Parquet
from gantool.errors import DataError, UsageError
from tests.data.garments import content_of, pngs

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

PICTURES = list(pngs(10))


def write(path: Path, columns: dict[str, Any], *, names: Any = None, **options: Any) -> Path:
    table = pa.table(columns)
    if names is not None:
        said = {"info": {"features": {"label": {"names": names}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(said)})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, **options)
    return path


def refusal(path: Path, **settings: Any) -> str:
    with pytest.raises(DataError) as caught:
        content_of(Parquet(path=str(path), **settings))
    return str(caught.value)


class TestPictures:
    def test_bytes_that_are_not_there(self, tmp_path: Path) -> None:
        cells: list[Any] = [{"bytes": content, "path": None} for content in PICTURES]
        cells[3] = {"bytes": None, "path": "/etc/passwd"}
        cells[4] = {"bytes": None, "path": None}
        cells[5] = None
        path = write(tmp_path / "a.parquet", {"image": cells})
        source = Parquet(path=str(path)).open()
        assert source.raw(0) == PICTURES[0]
        for row, text in (
            (3, r"only its path is here \(/etc/passwd\)"),
            (4, "no picture here"),
            (5, "no picture here"),
        ):
            with pytest.raises(BadPicture, match=text):
                source.raw(row)
        assert source.raw(6) == PICTURES[6]
        source.close()
        with pytest.raises(DataError, match=r"3 of 10 pictures cannot be used:\n +a\.parquet/000003: only its path"):
            prepare(Parquet(path=str(path)), seed=0)

    def test_which_column(self, tmp_path: Path) -> None:
        two = write(tmp_path / "two.parquet", {"left": PICTURES, "right": PICTURES, "n": list(range(10))})
        assert "set data.column to one of left, right" in refusal(two)
        assert len(content_of(Parquet(path=str(two), column="right")).pixels) == 10
        assert "column n holds no pictures" in refusal(two, column="n")
        none = write(tmp_path / "none.parquet", {"n": list(range(10)), "words": ["x"] * 10})
        assert "no column of pictures (bytes of image files); columns: n (int64), words (string)" in refusal(none)

    def test_named_columns_go_before_others(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.parquet", {"mask": PICTURES[::-1], "img": PICTURES})
        assert Parquet(path=str(path)).open().raw(0) == PICTURES[0]


class TestLabels:
    def test_none_is_minus_one_or_null(self, tmp_path: Path) -> None:
        labels = [0, 1, -1, None, 1, 0, 1, 0, 1, 0]
        path = write(tmp_path / "a.parquet", {"image": PICTURES, "label": labels}, names=["a", "b", "unused"])
        source = Parquet(path=str(path)).open()
        assert source.classes == ("a", "b", "unused")
        assert [item.label for item in source.items][:4] == [0, 1, None, None]
        with pytest.raises(BadPicture, match="has no label"):
            source.raw(2)
        nothing = write(tmp_path / "b.parquet", {"image": PICTURES, "label": [-1] * 10}, names=["a", "b"])
        assert set(content_of(Parquet(path=str(nothing))).classes) == {None}

    def test_numbers_without_names(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.parquet", {"image": PICTURES, "labels": [10, 9] * 5})
        assert Parquet(path=str(path)).open().classes == ("9", "10")

    def test_words_in_a_dictionary(self, tmp_path: Path) -> None:
        words = pa.array(["b", "a"] * 5).dictionary_encode()
        path = write(tmp_path / "a.parquet", {"image": PICTURES, "label": words})
        assert content_of(Parquet(path=str(path))).classes == ["b", "a"] * 5

    @pytest.mark.parametrize("said", [b"{", b"[]", b'{"info": {"features": {"label": {"names": [1]}}}}', b"[" * 99999])
    def test_metadata_that_makes_no_sense_is_none(self, tmp_path: Path, said: bytes) -> None:
        table = pa.table({"image": PICTURES, "label": [1, 0] * 5}).replace_schema_metadata({"huggingface": said})
        pq.write_table(table, tmp_path / "a.parquet")
        assert Parquet(path=str(tmp_path / "a.parquet")).open().classes == ("0", "1")

    def test_a_word_that_is_no_class_is_a_fault(self, tmp_path: Path) -> None:
        columns = {"image": PICTURES[:3], "label": ["cat", "emu", "dog"]}
        assert "there is a label 'emu'" in refusal(write(tmp_path / "a.parquet", columns, names=["cat", "dog"]))

    def test_faults(self, tmp_path: Path) -> None:
        path = write(
            tmp_path / "a.parquet", {"image": PICTURES, "label": [0, 2] * 5, "x": [0.5] * 10}, names=["a", "b"]
        )
        assert "names 2 classes, but there is a label 2" in refusal(path)
        assert "column x holds no labels" in refusal(path, label_column="x")
        assert "column gone holds no labels" in refusal(path, label_column="gone")

    def test_boxes_of_labels_are_no_classes(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.parquet", {"image": PICTURES, "label": [[1, 2]] * 10})
        assert Parquet(path=str(path)).open().classes == ()

    def test_two_sets_in_one_folder(self, tmp_path: Path) -> None:
        for name, names in (("train-0", ["a", "b"]), ("train-1", ["c", "d"])):
            write(tmp_path / f"{name}.parquet", {"image": PICTURES, "label": [0, 1] * 5}, names=names)
        assert "train-1.parquet: names other classes than train-0.parquet" in refusal(tmp_path)


class TestSplits:
    def test_by_file_or_by_folder(self, tmp_path: Path) -> None:
        for name in (
            "data/train-0.parquet",
            "data/validation-0.parquet",
            "data/test-0.parquet",
            "data/training.parquet",
        ):
            write(tmp_path / "a" / name, {"image": PICTURES})
        for name in ("default/partial-train/0.parquet", "default/validation/0.parquet", "testament/x.parquet"):
            write(tmp_path / "b" / name, {"image": PICTURES})
        for folder, train, test in (("a", 20, 10), ("b", 20, 10)):
            assert len(Parquet(path=str(tmp_path / folder)).open().items) == train
            official = Parquet(path=str(tmp_path / folder), holdout="official").open().items
            assert [item.official_test for item in official] == [False] * train + [True] * test

    def test_only_one_of_them(self, tmp_path: Path) -> None:
        path = write(tmp_path / "test.parquet", {"image": PICTURES})
        assert len(Parquet(path=str(path)).open().items) == 10
        assert "set data.holdout: 0.1" in refusal(path, holdout="official")


class TestDamage:
    def test_truncated_or_something_else(self, tmp_path: Path) -> None:
        content = write(tmp_path / "whole.parquet", {"image": PICTURES}).read_bytes()
        path = tmp_path / "a.parquet"
        for change in (b"", b"PAR1", content[: len(content) // 2], content[:-4] + b"XXXX", b"x" * 100):
            path.write_bytes(change)
            assert "a.parquet: damaged, truncated or no parquet file" in refusal(path)

    def test_flipped_bits_never_give_a_traceback(self, tmp_path: Path) -> None:
        columns = {"image": PICTURES, "label": [0, 1] * 5, "text": ["x"] * 10}
        content = write(tmp_path / "whole.parquet", columns, names=["a", "b"]).read_bytes()
        draws = np.random.default_rng(0)
        path = tmp_path / "a.parquet"
        for _ in range(100):
            changed = bytearray(content)
            changed[int(draws.integers(len(changed)))] ^= 1 << int(draws.integers(8))
            path.write_bytes(changed)
            with contextlib.suppress(DataError), contextlib.closing(Parquet(path=str(path)).open()) as source:
                for index in range(len(source.items)):
                    with contextlib.suppress(BadPicture):
                        source.raw(index)

    def test_without_pyarrow(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = write(tmp_path / "a.parquet", {"image": PICTURES})
        plain = builtins.__import__

        def missing(name: str, *arguments: Any) -> Any:
            if name.startswith("pyarrow"):
                raise ImportError("No module named 'pyarrow'")
            return plain(name, *arguments)

        monkeypatch.setattr(builtins, "__import__", missing)
        with pytest.raises(UsageError, match=r"pip install 'gantool\[parquet\]'"):
            _ = Parquet(path=str(path)).open().items


def test_ascending_order_is_one_pass_in_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row group is begun once, and of a large one only some pages are in memory."""
    noise = [np.random.default_rng(row).bytes(1 << 20) for row in range(100)]
    write(tmp_path / "a.parquet", {"image": noise}, row_group_size=80, use_dictionary=False, write_batch_size=1)
    begun = []
    plain = pq.ParquetFile.iter_batches

    def counted(self: Any, *arguments: Any, **options: Any) -> Any:
        begun.append(arguments)
        return plain(self, *arguments, **options)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", counted)
    before, most = pa.total_allocated_bytes(), 0
    with contextlib.closing(Parquet(path=str(tmp_path / "a.parquet")).open()) as source:
        for index in range(len(source.items)):
            assert source.raw(index) == noise[index]
            most = max(most, pa.total_allocated_bytes() - before)
        assert [groups for _, groups, _ in begun] == [[0], [1]]
        assert source.raw(0) == noise[0]
    assert most < 50 << 20
