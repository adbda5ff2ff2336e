"""What a person types, and what it is taken for."""

from __future__ import annotations

import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gantool import recipes
from gantool.data import prepare
from gantool.data.detect import settings_for
from gantool.data.sources.archive import Archive
from gantool.data.sources.arrays import Arrays
from gantool.data.sources.embedded import Embedded
from gantool.data.sources.folder import Folder
from gantool.data.sources.idx import Idx
from gantool.data.sources.parquet import Parquet
from gantool.data.sources.prepared import Prepared
from gantool.data.sources.torchvision import Torchvision
from gantool.errors import DataError, UsageError
from tests.data.conftest import Pictures


def zip_of(folder: Path) -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder.parent))
    return path


def tar_of(folder: Path) -> Path:
    path = folder.with_suffix(".tar.gz")
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, folder.name)
    return path


class TestNames:
    def test_embedded_and_torchvision(self, tmp_path: Path) -> None:
        assert settings_for("embedded", resolution=32) == Embedded(resolution=32)
        found = settings_for("torchvision:CIFAR10:/data:here", holdout="official")
        assert found == Torchvision(path="/data:here", dataset="CIFAR10", holdout="official")

    @pytest.mark.parametrize(
        ("source", "text"),
        [
            ("torchvision:CIFAR10", r"torchvision:CIFAR10:FOLDER"),
            ("torchvision:", r"torchvision:CIFAR10:FOLDER"),
            ("torchvision:CIFAR11:x", r"dataset: .*'CIFAR10'"),
        ],
    )
    def test_half_a_name(self, source: str, text: str) -> None:
        with pytest.raises(UsageError, match=text):
            settings_for(source)

    def test_recipes_and_configs(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        assert settings_for("quickstart").model_dump()["source"] == "embedded"
        assert settings_for(str(recipes.find_recipe("quickstart"))) == settings_for("quickstart")
        (tmp_path / "mine.yaml").write_text("data: {source: folder, path: pictures, resolution: 64}\nmodel: nonsense\n")
        found = settings_for("mine.yaml", resolution=[32, 16], channels="grey")
        assert found == Folder(path="pictures", resolution=(32, 16), channels="grey")
        (tmp_path / "quickstart").mkdir()  # what is there goes before what is shipped
        with pytest.raises(DataError, match="nothing in it that is read"):
            settings_for("quickstart")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("name: x", "no data section"),
            ("data: [1]", "no data section"),
            ("[", r"mine\.yaml:1"),
            ("data: {source: folder}", r"path: Field required"),
            ("data: {source: folders}", r"source: .*'folder'"),
            ("data: {path: x}", r"source: "),
            ("data: {source: folder, path: x, fit: squeeze}", r"fit: .*'crop', 'pad' or 'stretch'"),
        ],
    )
    def test_configs_without_pictures(self, tmp_path: Path, text: str, message: str) -> None:
        (tmp_path / "mine.yaml").write_text(text)
        with pytest.raises(UsageError, match=message) as caught:
            settings_for(str(tmp_path / "mine.yaml"))
        assert "mine.yaml" in str(caught.value)


class TestFolders:
    @pytest.mark.parametrize("pack", [None, zip_of, tar_of])
    def test_labels_are_taken_from_where_they_stand(
        self, tmp_path: Path, pictures: Pictures, pack: Callable[[Path], Path] | None
    ) -> None:
        def labels(name: str) -> Any:
            path = tmp_path / name if pack is None else pack(tmp_path / name)
            found = settings_for(str(path))
            assert isinstance(found, Folder if pack is None else Archive)
            assert found.path == str(path)
            if found.labels != "none":
                assert len(found.open().classes) >= 2
            return found.labels

        pictures("flat")
        assert labels("flat") == "none"
        pictures("one/cat")
        assert labels("one") == "none"
        pictures("two/cat")
        pictures("two/dog/deeper")
        assert labels("two") == "folders"
        (tmp_path / "two" / "stray.png").write_bytes((tmp_path / "two" / "cat" / "0.png").read_bytes())
        assert labels("two") == "none"
        pictures("split/train")
        pictures("split/Test")
        assert labels("split") == "none"
        pictures("said/a")
        pictures("said/b")
        (tmp_path / "said" / "metadata.csv").write_text("file_name,label\na/0.png,x\nb/1.png,y\n")
        assert labels("said") == "metadata"
        (tmp_path / "said" / "metadata.csv").write_text("file_name,text\na/0.png,only a caption\n")
        assert labels("said") == "folders"
        (tmp_path / "said" / "metadata.csv").write_text("broken")
        (tmp_path / "said" / "dataset.json").write_text('{"labels": null}')
        assert labels("said") == "none"
        (tmp_path / "said" / "metadata.csv").unlink()
        (tmp_path / "said" / "dataset.json").write_text(json.dumps({"labels": [["a/0.png", 1], ["b/0.png", 0]]}))
        assert labels("said") == "metadata"

    def test_labels_that_are_asked_for_are_not_looked_for(self, tmp_path: Path, pictures: Pictures) -> None:
        pictures("two/cat")
        folder = pictures("two/dog").parent
        assert settings_for(str(folder), labels="none") == Folder(path=str(folder))
        broken = tmp_path / "broken.zip"
        broken.write_bytes(b"PK")
        assert settings_for(str(broken), labels="folders") == Archive(path=str(broken), labels="folders")
        with pytest.raises(DataError, match=r"broken\.zip: damaged"):
            settings_for(str(broken))

    def test_other_folders(self, tmp_path: Path, pictures: Pictures, write_idx: Callable[..., None]) -> None:
        folder = tmp_path / "idx"
        write_idx(folder / "t10k-images-idx3-ubyte.gz", np.zeros((3, 4, 4), np.uint8))
        assert settings_for(str(folder), holdout=0.2) == Idx(path=str(folder), holdout=0.2)
        ready = prepare(Folder(path=str(pictures())), seed=0)
        assert settings_for(str(ready)) == Prepared(path=str(ready))
        hub = pictures("hub/assets", 1).parent  # a card's picture beside the data
        (hub / "data").mkdir()
        (hub / "data" / "train-00000-of-00001.parquet").write_bytes(bytes(10_000))
        assert settings_for(str(hub), column="img") == Parquet(path=str(hub), column="img")
        shards = tmp_path / "shards"
        shards.mkdir()
        for number in range(2):
            tar_of(pictures(f"part{number}")).rename(shards / f"{number}.tar.gz")
        for path in (str(shards), f"{shards}/*.tar.gz"):
            assert settings_for(path) == Archive(path=path, labels="folders")
        arrays = tmp_path / "arrays"
        arrays.mkdir()
        np.save(arrays / "images.npy", np.zeros((3, 4, 4), np.uint8))
        np.save(arrays / "labels.npy", np.zeros(3, np.int64))
        assert settings_for(str(arrays)) == Arrays(path=str(arrays / "images.npy"))
        np.save(arrays / "more.npy", np.zeros((3, 4, 4), np.uint8))
        with pytest.raises(DataError, match=r"3 arrays in it; name the one to read"):
            settings_for(str(arrays))


class TestFiles:
    def test_by_name_or_by_what_they_begin_with(self, tmp_path: Path, pictures: Pictures) -> None:
        for name, content, kind in (
            ("a.parquet", b"", Parquet),
            ("a.npz", b"", Arrays),
            ("b", b"PAR1....", Parquet),
            ("c.bin", b"\x93NUMPY..", Arrays),
        ):
            (tmp_path / name).write_bytes(content)
            assert settings_for(str(tmp_path / name)) == kind(path=str(tmp_path / name))
        nameless = zip_of(pictures("two")).rename(tmp_path / "nameless")
        assert settings_for(str(nameless)) == Archive(path=str(nameless))

    def test_what_is_none_of_all_this(self, tmp_path: Path, pictures: Pictures) -> None:
        (tmp_path / "a.txt").write_text("words")
        with pytest.raises(DataError, match=r"a\.txt: not a file of pictures; read are \.zip .*\.parquet \.npy"):
            settings_for(str(tmp_path / "a.txt"))
        with pytest.raises(DataError, match="one picture; give the folder that it is in"):
            settings_for(str(pictures() / "0.png"))
        (tmp_path / "words").mkdir()
        (tmp_path / "words" / "a.txt").touch()
        with pytest.raises(DataError, match=r"nothing in it that is read.*found 1 other files \(\.txt\)"):
            settings_for(str(tmp_path / "words"))
        with pytest.raises(DataError, match=r"no such folder or file.*recipes .*quickstart") as caught:
            settings_for(str(tmp_path / "gone" / "deeper"))
        assert f"there is {tmp_path}" in str(caught.value)
        with pytest.raises(DataError, match="matches no file"):
            settings_for(str(tmp_path / "gone-*.tar"))
        with pytest.raises(DataError):
            settings_for("a\0b")


class TestOptions:
    def test_they_go_before_what_was_found(self, pictures: Pictures) -> None:
        folder = pictures()
        found = settings_for(str(folder), resolution=64, skip_bad=True, channels=None, labels=None)
        assert found == Folder(path=str(folder), resolution=64, skip_bad=True)

    def test_a_source_that_is_given_is_believed(self, tmp_path: Path) -> None:
        path = str(tmp_path / "not there yet")
        assert settings_for(path, source="parquet", column="img") == Parquet(path=path, column="img")

    def test_all_faults_at_once(self, pictures: Pictures) -> None:
        folder = pictures()
        with pytest.raises(UsageError) as caught:
            settings_for(str(folder), column="x", fit="squeeze", holdout="official")
        said = str(caught.value).splitlines()
        assert f"{folder}: column: source folder has no such key" in said
        assert any(line.startswith(f"{folder}: fit: ") for line in said)
        with pytest.raises(UsageError, match="no official test split"):
            settings_for(str(folder), holdout="official")
