"""The embedded pictures written in every format by other code, and read back: pixels, labels, classes and captions."""

from __future__ import annotations

import csv
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gantool.data import DataSettings, PreparedSet, prepare
from gantool.data.sources.archive import Archive
from gantool.data.sources.arrays import Arrays
from gantool.data.sources.embedded import CLASSES
from gantool.data.sources.folder import Folder
from gantool.data.sources.idx import Idx
from gantool.data.sources.parquet import Parquet
from gantool.data.sources.prepared import Prepared
from tests.data.garments import Content, content_of, garments, png, pngs

COUNT = 200
NUMBERED = [f"{number:05d}.png" for number in range(COUNT)]
IN_CLASSES = [f"{name}/{file}" for name, file in zip(garments(COUNT).classes, NUMBERED, strict=True)]
Write = Callable[[Path, Mapping[str, bytes]], None]


def to_folder(path: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)


def to_zip(path: Path, files: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def to_tar(path: Path, files: Mapping[str, bytes]) -> None:
    mode: Any = {".tar": "w", ".tgz": "w:gz", ".gz": "w:gz", ".bz2": "w:bz2", ".xz": "w:xz"}[path.suffix]
    with tarfile.open(path, mode, format=tarfile.PAX_FORMAT) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def table_of_csv(names: list[str]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["file_name", "label", "caption"])
    writer.writerows(zip(names, garments(COUNT).classes, garments(COUNT).captions, strict=True))
    return text.getvalue().encode()


def table_of_lines(names: list[str]) -> bytes:
    rows = zip(names, garments(COUNT).classes, garments(COUNT).captions, strict=True)
    lines = [json.dumps({"file_name": name, "label": label, "text": text}) for name, label, text in rows]
    return ("\n".join(lines) + "\n").encode()


def files_in_classes() -> dict[str, bytes]:
    return dict(sorted(zip(IN_CLASSES, pngs(COUNT), strict=True), key=lambda pair: pair[0].split("/")))


def assert_same(found: Content, *, captions: bool, by_number: bool = False) -> None:
    """``found`` is the first `COUNT` garments, in the order of the number in their names."""
    expected = garments(COUNT)
    order = sorted(range(COUNT), key=lambda index: found.names[index].rsplit("/", 1)[-1])
    assert len(found.pixels) == COUNT
    assert (np.stack([found.pixels[index] for index in order]) == expected.pixels).all()
    classes = [str(label) for label in expected.labels] if by_number else expected.classes
    assert [found.classes[index] for index in order] == classes
    assert [found.captions[index] for index in order] == (expected.captions if captions else [None] * COUNT)


CONTAINERS = [
    pytest.param(to_folder, "pictures", Folder, id="folder"),
    pytest.param(to_zip, "pictures.zip", Archive, id="zip"),
    *(
        pytest.param(to_tar, f"pictures.{suffix}", Archive, id=suffix)
        for suffix in ("tar", "tgz", "tar.gz", "tar.bz2", "tar.xz")
    ),
]


@pytest.mark.parametrize(("write", "name", "kind"), CONTAINERS)
class TestFoldersAndArchives:
    def test_class_folders(self, tmp_path: Path, write: Write, name: str, kind: Callable[..., DataSettings]) -> None:
        write(tmp_path / name, files_in_classes())
        found = content_of(kind(path=str(tmp_path / name), labels="folders"))
        assert_same(found, captions=False)
        assert found.names == sorted(IN_CLASSES, key=lambda name: name.split("/"))

    @pytest.mark.parametrize("table", ["metadata.csv", "metadata.jsonl"])
    def test_tables_of_labels_and_captions(
        self, tmp_path: Path, write: Write, name: str, kind: Callable[..., DataSettings], table: str
    ) -> None:
        content = (table_of_csv if table.endswith("csv") else table_of_lines)([f"a/{file}" for file in NUMBERED])
        files = {f"deep/a/{file}": picture for file, picture in zip(NUMBERED, pngs(COUNT), strict=True)}
        write(tmp_path / name, {f"deep/{table}": content, **files})  # relative to the table's own folder
        assert_same(content_of(kind(path=str(tmp_path / name), labels="metadata")), captions=True)
        plain = content_of(kind(path=str(tmp_path / name)))
        assert set(plain.classes) == {None}
        assert plain.captions == garments(COUNT).captions

    def test_the_labels_of_stylegan(
        self, tmp_path: Path, write: Write, name: str, kind: Callable[..., DataSettings]
    ) -> None:
        files = {f"00000/img{file}": picture for file, picture in zip(NUMBERED, pngs(COUNT), strict=True)}
        labels = [[file, label] for file, label in zip(files, garments(COUNT).labels, strict=True)]
        write(tmp_path / name, {**files, "dataset.json": json.dumps({"labels": labels}).encode()})
        found = content_of(kind(path=str(tmp_path / name), labels="metadata"))
        assert_same(found, captions=False, by_number=True)

    def test_the_names_of_webdataset(
        self, tmp_path: Path, write: Write, name: str, kind: Callable[..., DataSettings]
    ) -> None:
        files: dict[str, bytes] = {}
        for number, picture in enumerate(pngs(COUNT)):
            label, caption = garments(COUNT).labels[number], garments(COUNT).captions[number]
            files[f"{number:05d}.png"] = picture
            if number % 2:  # both ways of saying it
                files[f"{number:05d}.json"] = json.dumps({"label": label, "caption": caption}).encode()
            else:
                files |= {f"{number:05d}.cls": str(label).encode(), f"{number:05d}.txt": caption.encode()}
        write(tmp_path / name, files)
        assert_same(content_of(kind(path=str(tmp_path / name), labels="metadata")), captions=True, by_number=True)


class TestShards:
    @pytest.mark.parametrize("path", ["", "/shard-*.tar"])
    @pytest.mark.parametrize("labels", ["folders", "metadata"])
    def test_several_tars(self, tmp_path: Path, path: str, labels: Any) -> None:
        files = list(files_in_classes().items())
        names = garments(COUNT).classes
        for shard in range(3):
            part = dict(files[shard::3])
            notes = {name.replace(".png", ".cls"): names[int(name[-9:-4])].encode() for name in part}
            (tmp_path / "shards").mkdir(exist_ok=True)
            to_tar(tmp_path / "shards" / f"shard-{shard}.tar", {**part, **notes})
        found = content_of(Archive(path=f"{tmp_path}/shards{path}", labels=labels))
        assert_same(found, captions=False)
        assert found.names[0].startswith("shard-0.tar/")

    @pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz"])
    def test_any_order_of_asking_gives_the_same(self, tmp_path: Path, name: str) -> None:
        (to_zip if name.endswith("zip") else to_tar)(tmp_path / name, files_in_classes())
        order = np.random.default_rng(0).permutation(COUNT).tolist()
        assert_same(content_of(Archive(path=str(tmp_path / name), labels="folders"), order), captions=False)

    def test_a_zstandard_tar_is_read_or_explained(self, tmp_path: Path) -> None:
        """zstd came into Python with 3.14."""
        from gantool.errors import DataError

        path = tmp_path / "a.tar.zst"
        path.write_bytes(bytes.fromhex("28b52ffd") + bytes(100))
        with pytest.raises(DataError, match=r"3\.14|damaged"):
            _ = Archive(path=str(path)).open().items


class TestParquet:
    @pytest.fixture
    def pyarrow(self) -> Any:
        return pytest.importorskip("pyarrow")

    @staticmethod
    def write(path: Path, columns: dict[str, Any], *, features: Any = None, row_group: int = 37) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.table(columns)
        if features is not None:
            table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path, row_group_size=row_group)

    def test_as_hugging_face_writes_it(self, tmp_path: Path, pyarrow: Any) -> None:
        images = [{"bytes": content, "path": None} for content in pngs(COUNT)]
        features = {"label": {"names": list(CLASSES), "_type": "ClassLabel"}, "image": {"_type": "Image"}}
        columns = {"label": garments(COUNT).labels, "text": garments(COUNT).captions, "image": images}
        self.write(tmp_path / "train.parquet", columns, features=features)
        settings = Parquet(path=str(tmp_path / "train.parquet"))
        assert_same(content_of(settings), captions=True)
        assert list(settings.open().classes) == list(CLASSES)
        assert_same(content_of(settings, np.random.default_rng(0).permutation(COUNT).tolist()), captions=True)

    def test_plain_bytes_and_labels_in_words_under_other_names(self, tmp_path: Path, pyarrow: Any) -> None:
        columns = {"kind": garments(COUNT).classes, "jpg": list(pngs(COUNT)), "id": [b""] * COUNT}
        self.write(tmp_path / "a.parquet", columns)
        path = str(tmp_path / "a.parquet")
        found = content_of(Parquet(path=path, column="jpg", label_column="kind"))
        assert_same(found, captions=False)

    def test_the_official_split(self, tmp_path: Path, pyarrow: Any) -> None:
        for part, rows in (("train", slice(0, 90)), ("train", slice(90, 150)), ("test", slice(150, COUNT))):
            columns = {"image": list(pngs(COUNT))[rows], "label": garments(COUNT).labels[rows]}
            self.write(tmp_path / "data" / f"{part}-{rows.start:05d}-of-2.parquet", columns)
        official = Parquet(path=str(tmp_path), holdout="official").open()
        assert [item.official_test for item in official.items] == [False] * 150 + [True] * 50
        assert len(Parquet(path=str(tmp_path)).open().items) == 150


class TestArrays:
    def test_all_of_it_as_npz(self, tmp_path: Path) -> None:
        """Every one of the 10,000."""
        every = garments(10_000)
        np.savez_compressed(tmp_path / "a.npz", images=every.pixels, labels=every.labels, classes=list(CLASSES))
        found = content_of(Arrays(path=str(tmp_path / "a.npz")))
        assert (np.stack(found.pixels) == every.pixels).all()
        assert found.classes == every.classes

    @pytest.mark.parametrize("path", ["images.npy", "x_train.npy", "garments.npy"])
    def test_npy_with_labels_beside_it(self, tmp_path: Path, path: str) -> None:
        labels = {"images": "labels", "x_train": "y_train", "garments": "garments_labels"}[path[:-4]]
        np.save(tmp_path / path, garments(COUNT).pixels)
        np.save(tmp_path / f"{labels}.npy", np.array(garments(COUNT).labels))
        assert_same(content_of(Arrays(path=str(tmp_path / path))), captions=False, by_number=True)

    @pytest.mark.parametrize("order", ["C", "F"])
    @pytest.mark.parametrize("kind", ["u1", ">u2", "<u2", "f4", ">f8", "f2"])
    def test_types_of_grey(self, tmp_path: Path, kind: str, order: Any) -> None:
        values = np.asarray(garments(COUNT).pixels.astype(kind) * np.dtype(kind).type(1), order=order)
        np.save(tmp_path / "a.npy", values)
        found = content_of(Arrays(path=str(tmp_path / "a.npy")))
        assert (np.stack(found.pixels) == garments(COUNT).pixels).all()
        assert (
            found.pixels[0].dtype == {"u": np.dtype(kind).newbyteorder("="), "f": np.dtype("f4")}[np.dtype(kind).kind]
        )

    @pytest.mark.parametrize("depth", [1, 3, 4])
    @pytest.mark.parametrize("first", [False, True])
    @pytest.mark.parametrize("kind", ["u1", "f4", "?"])
    def test_channels_in_either_place(self, tmp_path: Path, depth: int, first: bool, kind: str) -> None:
        colour = np.stack([garments(20 + shift).pixels[shift:] for shift in range(depth)], -1)
        values = colour / np.float32(255) if kind == "f4" else colour > 99 if kind == "?" else colour
        np.savez(tmp_path / "a.npz", x_train=values.transpose(0, 3, 1, 2) if first else values)
        found = np.stack(content_of(Arrays(path=str(tmp_path / "a.npz"))).pixels).reshape(colour.shape)
        expected = (colour > 99) * 255 if kind == "?" else colour
        if kind == "f4" and depth == 1:
            assert np.allclose(found * 255, expected, atol=1e-4)  # grey keeps its depth
        else:
            assert (found == expected).all()

    def test_the_official_split(self, tmp_path: Path) -> None:
        every = garments(COUNT)
        parts = {"x_train": every.pixels[:150], "y_train": every.labels[:150]}
        parts |= {"x_test": every.pixels[150:], "y_test": every.labels[150:]}
        np.savez(tmp_path / "a.npz", **parts)
        assert len(content_of(Arrays(path=str(tmp_path / "a.npz"))).names) == 150
        official = Arrays(path=str(tmp_path / "a.npz"), holdout="official")
        assert (np.stack(content_of(official).pixels) == every.pixels).all()
        assert [item.official_test for item in official.open().items] == [False] * 150 + [True] * 50


class TestIdx:
    def test_with_labels(self, tmp_path: Path, write_idx: Callable[..., None]) -> None:
        write_idx(tmp_path / "train-images-idx3-ubyte.gz", garments(COUNT).pixels)
        write_idx(tmp_path / "train-labels-idx1-ubyte", np.array(garments(COUNT).labels, np.uint8))
        assert_same(content_of(Idx(path=str(tmp_path))), captions=False, by_number=True)


class TestPrepared:
    def test_one_folder_one_fingerprint_however_it_is_packed(self, tmp_path: Path) -> None:
        files = files_in_classes()
        to_folder(tmp_path / "a", files)
        to_zip(tmp_path / "a.zip", dict(reversed(files.items())))
        to_zip(tmp_path / "top.zip", {f"my pictures/{name}": content for name, content in files.items()})
        to_tar(tmp_path / "a.tar", dict(reversed(files.items())))
        to_tar(tmp_path / "a.tar.xz", files)
        settings: list[DataSettings] = [Folder(path=str(tmp_path / "a"), labels="folders", channels="grey")]
        for name in ("a.zip", "top.zip", "a.tar", "a.tar.xz"):
            settings.append(Archive(path=str(tmp_path / name), labels="folders", channels="grey"))
        sets = [PreparedSet.open(prepare(one, seed=1)) for one in settings]
        assert len({one.fingerprint for one in sets}) == 1
        assert len({one.folder for one in sets}) == len(sets)

    def test_a_prepared_set_shows_its_pictures_again(self, tmp_path: Path) -> None:
        to_folder(tmp_path / "a", {**files_in_classes(), "bag/metadata.csv": b"file_name,caption\n00018.png,a bag\n"})
        folder = prepare(Folder(path=str(tmp_path / "a"), labels="folders", channels="grey"), seed=3)
        found = content_of(Prepared(path=str(folder)))
        assert_same(found._replace(captions=[None] * COUNT), captions=False)
        assert dict(zip(found.names, found.captions, strict=True))["bag/00018.png"] == "a bag"
        held = [row for row, item in enumerate(Prepared(path=str(folder)).open().items) if item.official_test]
        assert held == PreparedSet.open(folder).indices("holdout").tolist()

    def test_transparency_survives(self, tmp_path: Path) -> None:
        pixels = np.zeros((8, 8, 4), np.uint8)
        pixels[:4], pixels[4:] = (200, 100, 50, 255), (200, 100, 50, 0)
        to_folder(tmp_path / "a", {f"{number}.png": png(pixels) for number in range(3)})
        found = content_of(Prepared(path=str(prepare(Folder(path=str(tmp_path / "a"), channels="rgba"), seed=0))))
        assert (found.pixels[0][:4] == pixels[:4]).all()
        assert (found.pixels[0][4:] == 0).all()

    def test_every_format_is_prepared_alike(self, tmp_path: Path) -> None:
        """Files in containers and pictures without files: the same pixels, labels and captions in the set."""
        pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        every = garments(COUNT)
        notes = {f"{number:05d}.cls": str(label).encode() for number, label in enumerate(every.labels)}
        to_tar(tmp_path / "a.tar", {**dict(zip(NUMBERED, pngs(COUNT), strict=True)), **notes})
        parquet.write_table(pyarrow.table({"image": list(pngs(COUNT)), "label": every.labels}), tmp_path / "a.parquet")
        np.savez(tmp_path / "a.npz", images=every.pixels, labels=every.labels)
        settings: list[DataSettings] = [
            Archive(path=str(tmp_path / "a.tar"), labels="metadata", channels="grey"),
            Parquet(path=str(tmp_path / "a.parquet"), channels="grey"),
            Arrays(path=str(tmp_path / "a.npz")),
        ]
        for one in settings:
            content = PreparedSet.open(prepare(one, seed=0))
            assert (content.read(np.arange(COUNT))[..., 0] == every.pixels).all()
            labels = content.read_labels(np.arange(COUNT))
            assert labels is not None
            assert labels.tolist() == every.labels


def test_the_members_of_a_compressed_tar_stand_in_its_own_order(tmp_path: Path) -> None:
    files = dict(zip(reversed(NUMBERED), reversed(pngs(COUNT)), strict=True))
    to_tar(tmp_path / "a.tar.gz", files)
    to_tar(tmp_path / "a.tar", files)
    assert content_of(Archive(path=str(tmp_path / "a.tar.gz"))).names == NUMBERED[::-1]
    assert content_of(Archive(path=str(tmp_path / "a.tar"))).names == NUMBERED


def test_a_suffix_does_not_decide_how_a_tar_is_compressed(tmp_path: Path) -> None:
    to_tar(tmp_path / "a.tar", files_in_classes())
    plain = (tmp_path / "a.tar").read_bytes()
    (tmp_path / "b.tar").write_bytes(gzip.compress(plain))
    (tmp_path / "c.tar.gz").write_bytes(lzma.compress(plain))
    for name in ("b.tar", "c.tar.gz"):
        assert_same(content_of(Archive(path=str(tmp_path / name), labels="folders")), captions=False)
