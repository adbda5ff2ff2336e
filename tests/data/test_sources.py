"""Each source: what it finds, what it refuses, and how its settings are checked."""

from __future__ import annotations

import gzip
import inspect
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from gantool.data import AnyData, DataSettings, PreparedSet, prepare
from gantool.data.sources import torchvision
from gantool.data.sources.embedded import Embedded
from gantool.data.sources.idx import Idx
from gantool.data.sources.prepared import Prepared
from gantool.data.sources.torchvision import Torchvision
from gantool.errors import DataError
from tests.data.conftest import Pictures

ADAPTER: TypeAdapter[Any] = TypeAdapter(AnyData)
SOURCES: list[type[DataSettings]] = list(get_args(get_args(AnyData)[0]))
WriteIdx = Callable[[Path, NDArray[np.uint8]], None]


def parse(**settings: Any) -> Any:
    return ADAPTER.validate_python(settings)


class TestSettings:
    @pytest.mark.parametrize("kind", SOURCES)
    def test_every_source_is_chosen_by_name_and_survives_json(self, kind: type[DataSettings]) -> None:
        needed = {"path": "x", "dataset": "MNIST"}
        given = {key: value for key, value in needed.items() if key in kind.model_fields and kind is not Embedded}
        settings = parse(source=kind.model_fields["source"].default, resolution=[32, 64], **given)
        assert type(settings) is kind
        assert settings.size == (32, 64)
        assert ADAPTER.validate_json(settings.model_dump_json()) == settings

    @pytest.mark.parametrize(
        ("settings", "text"),
        [
            ({"background": "octarine"}, "unknown colour 'octarine'"),
            ({"range": [5, 5]}, "less than"),
            ({"holdout": 0.6}, "less than or equal to 0.5"),
            ({"holdout": "official"}, "no official test split"),
            ({"resolution": 0}, "greater than or equal to 1"),
            ({"fit": "squeeze"}, "'crop', 'pad' or 'stretch'"),
            ({"path": "somewhere"}, "None"),
            ({"colour": "grey"}, "Extra inputs"),
        ],
    )
    def test_faults_are_found_before_any_picture_is_read(self, settings: dict[str, Any], text: str) -> None:
        with pytest.raises(ValidationError, match=text):
            parse(source="embedded", **settings)

    def test_a_wrong_set_of_torchvision_lists_the_choices(self) -> None:
        with pytest.raises(ValidationError, match=r"'CIFAR10'.*'MNIST'"):
            parse(source="torchvision", path="x", dataset="MNISTY")


class TestEmbedded:
    def test_it_is_the_test_split_of_fashion_mnist_and_says_so(self) -> None:
        found = PreparedSet.open(prepare(Embedded(), seed=42))
        assert found.shape == (1, 28, 28)
        assert found.origin == "fashion-mnist/test"
        assert found.counts == {"train": 9000, "holdout": 1000}
        labels = found.read_labels(found.indices("holdout"))
        assert labels is not None
        assert np.bincount(labels).tolist() == [100] * 10
        assert found.classes[9] == "ankle-boot"

    def test_pictures_and_labels_belong_together(self) -> None:
        """The first ten labels of the set, as its paper's repository lists them: 9 2 1 1 6 1 4 6 5 7."""
        found = PreparedSet.open(prepare(Embedded(), seed=42))
        labels = found.read_labels(np.arange(10))
        assert labels is not None
        assert labels.tolist() == [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]
        with gzip.open(Path(inspect.getfile(Embedded)).parents[1] / "embedded" / "t10k-images-idx3-ubyte.gz") as raw:
            assert raw.read()[16:] == found.read(np.arange(len(found))).tobytes()


class TestIdx:
    @pytest.fixture
    def noise(self) -> NDArray[np.uint8]:
        return np.random.default_rng(0).integers(0, 256, (20, 6, 5), np.uint8)

    @pytest.mark.parametrize(
        "style", ["train-images-idx3-ubyte", "train-images.idx3-ubyte", "train-images-idx3-ubyte.gz"]
    )
    def test_every_style_of_name(
        self, tmp_path: Path, write_idx: WriteIdx, noise: NDArray[np.uint8], style: str
    ) -> None:
        write_idx(tmp_path / style, noise)
        found = PreparedSet.open(prepare(Idx(path=str(tmp_path)), seed=0))
        assert (found.read(np.arange(20))[..., 0] == noise).all()
        assert found.classes == ()

    def test_labels_names_and_the_official_split(
        self, tmp_path: Path, write_idx: WriteIdx, noise: NDArray[np.uint8]
    ) -> None:
        labels = (np.arange(20) % 3).astype(np.uint8)
        for part, rows in (("train", slice(0, 14)), ("t10k", slice(14, 20))):
            write_idx(tmp_path / f"{part}-images-idx3-ubyte.gz", noise[rows])
            write_idx(tmp_path / f"{part}-labels-idx1-ubyte", labels[rows])
        official = PreparedSet.open(prepare(Idx(path=str(tmp_path), holdout="official"), seed=0))
        assert official.indices("holdout").tolist() == list(range(14, 20))
        found = official.read_labels(np.arange(20))
        assert found is not None
        assert found.tolist() == labels.tolist()
        assert official.classes == ("0", "1", "2")
        drawn = PreparedSet.open(prepare(Idx(path=str(tmp_path), class_names=("a", "b", "c")), seed=0))
        assert len(drawn) == 14  # the official test split stays unseen
        assert drawn.classes == ("a", "b", "c")
        with pytest.raises(DataError, match="2 names, but there is a label 2"):
            prepare(Idx(path=str(tmp_path), class_names=("a", "b")), seed=0)

    def test_colour(self, tmp_path: Path, write_idx: WriteIdx) -> None:
        colours = np.random.default_rng(0).integers(0, 256, (4, 6, 5, 3), np.uint8)
        write_idx(tmp_path / "train-images-idx4-ubyte", colours)
        found = PreparedSet.open(prepare(Idx(path=str(tmp_path)), seed=0))
        assert (found.read(np.arange(4)) == colours).all()

    @pytest.mark.parametrize("zipped", [False, True])
    @pytest.mark.parametrize(
        ("damage", "text"),
        [
            (lambda content: b"", "truncated"),
            (lambda content: b"PK\3\4" + content[4:], "not an IDX file"),
            (lambda content: content[:2] + b"\x0d" + content[3:], "type 0x0d"),
            (lambda content: content[:3] + b"\x01" + content[4:], "1 dimensions instead of 3 or 4"),
            (lambda content: content[:4] + b"\xff" * 12 + content[16:], "cannot be right"),
            (lambda content: content[:4] + struct.pack(">3I", 1, 1 << 17, 1 << 17) + content[16:], "too large"),
            (lambda content: content[:4] + struct.pack(">3I", 1, 9_000, 9_000) + content[16:], "its header states"),
            (lambda content: content[:-7], "truncated|its header states"),
            (lambda content: content + b"x", "holds more than|its header states"),
        ],
    )
    def test_damage_is_named(
        self,
        tmp_path: Path,
        write_idx: WriteIdx,
        noise: NDArray[np.uint8],
        zipped: bool,
        damage: Callable[[bytes], bytes],
        text: str,
    ) -> None:
        plain = tmp_path / "train-images-idx3-ubyte"
        write_idx(plain, noise)
        content = damage(plain.read_bytes())
        plain.unlink()
        path = plain.with_name(plain.name + ".gz") if zipped else plain
        path.write_bytes(gzip.compress(content) if zipped else content)
        # A plain file is found too short or too long before its pictures are read; a gzipped one, at its end.
        with pytest.raises(DataError, match=text.split("|")[0 if zipped else -1]) as caught:
            prepare(Idx(path=str(tmp_path)), seed=0)
        assert path.name in str(caught.value)

    def test_a_damaged_gzip(self, tmp_path: Path, write_idx: WriteIdx, noise: NDArray[np.uint8]) -> None:
        path = tmp_path / "train-images-idx3-ubyte.gz"
        write_idx(path, noise)
        content = bytearray(path.read_bytes())
        for change in (content[:-20], content[:100] + bytes([content[100] ^ 8]) + content[101:], b"plain"):
            path.write_bytes(change)
            with pytest.raises(DataError, match=r"train-images.*(truncated|damaged).*fetch it again"):
                prepare(Idx(path=str(tmp_path)), seed=0)

    def test_labels_of_another_set(self, tmp_path: Path, write_idx: WriteIdx, noise: NDArray[np.uint8]) -> None:
        write_idx(tmp_path / "train-images-idx3-ubyte", noise)
        write_idx(tmp_path / "train-labels-idx1-ubyte", np.zeros(19, np.uint8))
        with pytest.raises(DataError, match="19 labels for 20 pictures"):
            prepare(Idx(path=str(tmp_path)), seed=0)

    def test_nothing_there_and_half_of_it(self, tmp_path: Path, write_idx: WriteIdx, noise: NDArray[np.uint8]) -> None:
        (tmp_path / "notes.txt").touch()
        with pytest.raises(DataError, match=r"looked for files such as.*found notes.txt"):
            prepare(Idx(path=str(tmp_path)), seed=0)
        write_idx(tmp_path / "t10k-images-idx3-ubyte", noise)
        with pytest.raises(DataError, match="only test is here"):
            prepare(Idx(path=str(tmp_path), holdout="official"), seed=0)
        assert len(PreparedSet.open(prepare(Idx(path=str(tmp_path)), seed=0))) == 20


class TestTorchvision:
    def test_every_name_is_a_class_that_can_be_asked_so(self) -> None:
        from torchvision import datasets

        assert set(torchvision.SPLITS) == set(get_args(torchvision.Name))
        for name, splits in torchvision.SPLITS.items():
            parameters = inspect.signature(getattr(datasets, name)).parameters
            for arguments in splits:
                assert {"root", "download", *(arguments or {})} <= set(parameters), name

    def test_a_set_on_disk_is_read_with_both_splits(self, tmp_path: Path, write_idx: WriteIdx) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (30, 28, 28), np.uint8)
        labels = (np.arange(30) % 10).astype(np.uint8)
        raw = tmp_path / "root" / "MNIST" / "raw"
        for part, rows in (("train", slice(0, 20)), ("t10k", slice(20, 30))):
            write_idx(raw / f"{part}-images-idx3-ubyte", noise[rows])
            write_idx(raw / f"{part}-labels-idx1-ubyte", labels[rows])
        settings = Torchvision(path=str(tmp_path / "root"), dataset="MNIST", holdout="official")
        found = PreparedSet.open(prepare(settings, seed=0))
        assert found.shape == (1, 28, 28)
        assert (found.read(np.arange(30))[..., 0] == noise).all()
        assert found.counts == {"train": 20, "holdout": 10}
        assert len(found.classes) == 10

    def test_a_set_that_is_not_there_says_how_to_get_it(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"torchvision finds no CIFAR10 here.*data.download: true"):
            prepare(Torchvision(path=str(tmp_path), dataset="CIFAR10"), seed=0)


class TestPrepared:
    def test_a_set_is_used_where_it_is(self, pictures: Pictures) -> None:
        folder = prepare(parse(source="folder", path=str(pictures())), seed=0)
        assert prepare(Prepared(path=str(folder)), seed=9) == folder
        assert prepare(Prepared(path=str(folder), resolution=8, channels="rgb"), seed=9) == folder

    def test_what_it_is_not_is_refused(self, pictures: Pictures) -> None:
        path = pictures()
        with pytest.raises(DataError, match="no prepared set here"):
            prepare(Prepared(path=str(path)), seed=0)
        folder = prepare(parse(source="folder", path=str(path)), seed=0)
        with pytest.raises(DataError, match="8×8 pixels"):
            prepare(Prepared(path=str(folder), resolution=16), seed=0)
        with pytest.raises(DataError, match="3 channels"):
            prepare(Prepared(path=str(folder), channels="grey"), seed=0)
        with pytest.raises(ValidationError, match="used as it is"):
            Prepared(path=str(folder), fit="pad")


def test_the_schema_of_the_union_can_be_written() -> None:
    assert json.dumps(ADAPTER.json_schema())
