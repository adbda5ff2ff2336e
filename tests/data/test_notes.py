"""What is written beside pictures: whose word counts, what is missing, and what makes no sense."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from gantool.data import PreparedSet, prepare
from gantool.data.decode import BadPicture
from gantool.data.sources.folder import Folder, FolderSource
from gantool.errors import DataError
from tests.data.conftest import Pictures


def opened(folder: Path, labels: Any = "metadata") -> FolderSource:
    return Folder(path=str(folder), labels=labels).open()


def labels_of(folder: Path) -> list[str | None]:
    source = opened(folder)
    return [None if item.label is None else source.classes[item.label] for item in source.items]


def lines(*rows: dict[str, Any]) -> str:
    return "\n".join(json.dumps(row) for row in rows)


class TestTables:
    @pytest.mark.parametrize(
        ("name", "content", "text"),
        [
            ("metadata.jsonl", '{"file_name": "0.png", "label": 1}\n\n{"file_name": ', r"metadata\.jsonl:3: not JSON"),
            ("metadata.jsonl", "[1]", r"metadata\.jsonl:1: a line must be an object"),
            ("metadata.jsonl", '{"label": 1}', r"metadata\.jsonl:1: no file_name in this row"),
            ("metadata.jsonl", "[" * 100_000, r"metadata\.jsonl:1: not JSON \(nested too deeply\)"),
            ("metadata.jsonl", '{"file_name": "0.png", "label": ' + "9" * 5000 + "}", r"metadata\.jsonl:1: not JSON"),
            ("metadata.jsonl", '{"file_name": "0.png", "label": [1]}', r"metadata\.jsonl:1: a label must be"),
            ("metadata.jsonl", '{"file_name": "0.png", "label": 1.5}', r"metadata\.jsonl:1: a label must be"),
            ("metadata.csv", "file;label\n0.png;1\n", r"metadata\.csv:1: no column file_name.*it has file;label"),
            ("metadata.csv", "", r"metadata\.csv:1: no column file_name.*it has none"),
            ("metadata.csv", 'file_name,label\n0.png,"a\n', r"metadata\.csv:\d: not CSV"),
            (
                "metadata.csv",
                "file_name,label\n0.png,a\n./0.png,b\n",
                r"csv:3: \./0\.png has the label a in .*csv:2",
            ),
            ("dataset.json", "{", r"dataset\.json: not JSON"),
            ("dataset.json", '{"labels": {"0.png": 1}}', r'dataset\.json: "labels" must be a list'),
            ("dataset.json", '{"labels": ["0.png"]}', r'dataset\.json: "labels" must hold pairs'),
            (
                "dataset.json",
                '{"labels": [["0.png", [1, 0]]]}',
                r"json: the label of 0\.png is no whole number",
            ),
            ("dataset.json", '{"labels": [["0.png", -1]]}', r"a label -1 cannot be right"),
            ("dataset.json", '{"labels": [["0.png", 1000000000]]}', r"a label 1000000000 cannot be right"),
            ("dataset.json", '{"labels": null}', r"no picture has a label"),
            ("dataset.json", "{}", r"no picture has a label"),
        ],
    )
    def test_what_makes_no_sense_is_named_with_its_line(
        self, pictures: Pictures, name: str, content: str, text: str
    ) -> None:
        folder = pictures()
        (folder / name).write_text(content)
        with pytest.raises(DataError, match=text):
            _ = opened(folder).items
        # Without labels such a table is of no account, and said. One that is only odd in its labels is read.
        plain = opened(folder, "none")
        assert len(plain.items) == 4
        assert {said for said, _ in plain.passed_over} <= {name}

    def test_bytes_that_are_no_text(self, pictures: Pictures) -> None:
        folder = pictures()
        (folder / "metadata.csv").write_bytes(b"file_name,label\n0.png,a\n1.png,\xe9\n")
        with pytest.raises(DataError, match=r"metadata\.csv:3: byte 0xe9 is not UTF-8"):
            _ = opened(folder).items

    def test_rows_without_pictures_and_pictures_without_rows(self, pictures: Pictures) -> None:
        folder = pictures()
        (folder / "photo.heic").touch()
        rows = [
            {"file_name": f"{name}", "label": "x"} for name in ("0.png", "../1.png", "gone.png", "photo.heic", "2.png")
        ]
        (folder / "metadata.jsonl").write_text(lines(*rows))
        source = opened(folder)
        assert labels_of(folder) == ["x", None, "x", None]
        assert dict(source.passed_over) == {
            "photo.heic": ".heic is not read; convert it to PNG or JPEG",
            "../1.png": "named in metadata.jsonl:2, but not there",
            "gone.png": "named in metadata.jsonl:3, but not there",
        }
        with pytest.raises(BadPicture, match="has no label, and others have"):
            source.raw(1)
        with pytest.raises(DataError, match=r"2 of 4 pictures.*\n +1\.png: has no label.*\n +3\.png: has no label"):
            prepare(Folder(path=str(folder), labels="metadata"), seed=0)
        left = PreparedSet.open(prepare(Folder(path=str(folder), labels="metadata", skip_bad=True), seed=0))
        assert [record["name"] for record in left.records()] == ["0.png", "2.png"]

    def test_labels_are_sorted_as_numbers_where_they_all_are(self, pictures: Pictures) -> None:
        folder = pictures()
        (folder / "metadata.csv").write_text("file_name,label\n0.png,10\n1.png,9\n2.png,-1\n3.png,10\n")
        assert opened(folder).classes == ("-1", "9", "10")
        assert labels_of(folder) == ["10", "9", "-1", "10"]
        (folder / "metadata.csv").write_text("file_name,label\n0.png,10\n1.png,9\n2.png,b\n3.png,a\n")
        assert opened(folder).classes == ("10", "9", "a", "b")

    def test_whole_numbers_that_a_table_made_fractions_of(self, pictures: Pictures) -> None:
        folder = pictures()
        values = [1.0, True, 2, "2"]
        rows = [{"file_name": f"{number}.png", "label": value} for number, value in enumerate(values)]
        (folder / "metadata.jsonl").write_text(lines(*rows))
        assert labels_of(folder) == ["1", "true", "2", "2"]

    def test_the_classes_of_stylegan_are_counted_from_0(self, pictures: Pictures) -> None:
        folder = pictures()
        labels = [[f"{number}.png", label] for number, label in enumerate((5, 2, 2, 0))]
        (folder / "dataset.json").write_text(json.dumps({"labels": labels}))
        assert opened(folder).classes == ("0", "1", "2", "3", "4", "5")

    def test_byte_order_marks_backslashes_and_windows_line_ends(self, pictures: Pictures) -> None:
        folder = pictures("a/b", 2).parent
        (folder / "metadata.csv").write_bytes(
            b'\xef\xbb\xbffile_name,label,caption\r\nb\\0.png,x,"two\r\nlines"\r\n.\\b\\1.png,y,\r\n'
        )
        assert labels_of(folder) == ["x", "y"]
        assert [item.caption for item in opened(folder).items] == ["two\r\nlines", None]


class TestFilesBeside:
    @pytest.mark.parametrize("letter", ["a", "\u732b"])
    def test_a_caption_that_could_not_be_read_again_is_refused(self, pictures: Pictures, letter: str) -> None:
        """Letters of other scripts take six bytes."""
        folder = pictures()
        for length, kept in ((100_000, True), (1_100_000, False)):
            (folder / "metadata.jsonl").write_text(lines({"file_name": "2.png", "caption": letter * length}))
            settings = Folder(path=str(folder), labels="none")
            if kept:
                captions = [record["caption"] for record in PreparedSet.open(prepare(settings, seed=0)).records()]
                assert captions[2] == letter * length
                continue
            with pytest.raises(DataError, match=r"2\.png: its name and caption take .* shorten the caption"):
                prepare(settings, seed=0)

    def test_a_tables_word_goes_before_that_of_small_files(self, pictures: Pictures) -> None:
        folder = pictures()
        (folder / "metadata.jsonl").write_text(lines({"file_name": "0.png", "label": "table"}))
        for number in range(4):
            (folder / f"{number}.json").write_text(json.dumps({"label": "json", "caption": "from json"}))
        for number in range(3):
            (folder / f"{number}.cls").write_text("cls\n")
        for number in range(2):
            (folder / f"{number}.txt").write_text(" from txt\n")
        assert labels_of(folder) == ["table", "cls", "cls", "json"]
        assert [item.caption for item in opened(folder).items] == ["from txt", "from txt", "from json", "from json"]

    def test_names_count_up_to_their_first_dot(self, pictures: Pictures) -> None:
        folder = pictures()
        (folder / "0.png").rename(folder / "0.thumb.png")
        (folder / "0.cls").write_text("a")
        for number in (1, 2, 3):
            (folder / f"{number}.cls").write_text("b")
        assert labels_of(folder) == ["a", "b", "b", "b"]

    def test_what_makes_no_sense_costs_its_picture_the_label(self, pictures: Pictures) -> None:
        folder = pictures()
        (folder / "0.cls").write_bytes(b"\xff\xfe")
        (folder / "1.json").write_text("{")
        (folder / "2.cls").write_text("a")
        (folder / "readme.json").write_text("{")  # beside no picture
        (folder / "3.txt").write_text("x" * (2 << 20))
        source = opened(folder)
        assert labels_of(folder) == [None, None, "a", None]
        said = dict(source.passed_over)
        assert set(said) == {"0.cls", "1.json", "3.txt"}
        assert said["1.json"].startswith("not understood")
        assert said["3.txt"] == "too large: more than 1 MiB"

    def test_a_changed_word_is_a_new_set(self, pictures: Pictures) -> None:
        folder = pictures()
        states = {opened(folder, "none").state()}
        for name in ("metadata.csv", "0.txt", "1.cls"):
            (folder / name).write_text("file_name\n")
            states.add(opened(folder, "none").state())
        (folder / "notes.txt").write_text("about nothing")
        states.add(opened(folder, "none").state())
        assert len(states) == 4


class TestFolder:
    def test_other_formats_are_passed_over_and_other_files_are_not_mentioned(self, pictures: Pictures) -> None:
        folder = pictures()
        others = ("a.HEIC", "b.psd", "c.nef", "d.pdf", "e.zip", "f.mpo")
        for name in (*others, "notes.txt", "model.json", "x.py", "no-suffix"):
            (folder / name).touch()
        said = dict(opened(folder, "none").passed_over)
        assert set(said) == set(others)
        assert said["e.zip"] == "an archive; read it with data.source: archive"
        assert said["f.mpo"] == ".mpo is not looked for; rename it to .jpg"

    def test_an_archive_as_a_folder_names_the_source_that_reads_it(self, tmp_path: Path) -> None:
        for name, source in (("a.tar.gz", "archive"), ("a.parquet", "parquet"), ("a.npz", "arrays")):
            (tmp_path / name).touch()
            with pytest.raises(DataError, match=f"set data.source: {source}"):
                Folder(path=str(tmp_path / name)).open()

    def test_captions_are_kept_in_the_prepared_set(self, pictures: Pictures) -> None:
        folder = pictures()
        (folder / "0.txt").write_text("ein Kleid, № 1")
        content = PreparedSet.open(prepare(Folder(path=str(folder)), seed=0))
        assert [record["caption"] for record in content.records()] == ["ein Kleid, № 1", None, None, None]

    def test_a_table_that_cannot_be_opened(self, pictures: Pictures) -> None:
        folder = pictures()
        (folder / "metadata.csv").write_text("file_name,label\n")
        source = opened(folder)
        (folder / "metadata.csv").unlink()
        with pytest.raises(DataError, match=r"metadata\.csv: cannot be read"), contextlib.closing(source):
            _ = source.items
