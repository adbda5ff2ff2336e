"""Any bytes at all, given to the parsers of strangers' files: what comes out is a value, or a fault that is documented.

``make fuzz`` tries more. An example that failed goes into `tests/hostile` or a test of its own.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gantool.config import parse_config
from gantool.data.decode import BadPicture
from gantool.data.idxfile import IdxFile
from gantool.data.sources.archive import ArchiveSource
from gantool.data.sources.tarred import Tar
from gantool.data.sources.zipped import Zip
from gantool.errors import CheckpointError, ConfigError, DataError, ResourceError
from gantool.legible import escaped, legible, legible_lines
from gantool.training.checkpoint import read_checkpoint, write_checkpoint
from gantool.training.header import HeaderFault, read_header
from tests.fuzz.mutations import mutated
from tests.training.helpers import BASE

_PIXELS = bytes(range(48))
_IDX = struct.pack(">HBB3I", 0, 8, 3, 3, 4, 4) + _PIXELS
_YAML = BASE.encode()


def _zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as box:
        for name in ("a/1.png", "a/2.png", "metadata.jsonl", "b/3.JPG"):
            box.writestr(name, b'{"file_name": "a/1.png", "label": "x"}\n' * 3)
    return stream.getvalue()


def _tar(mode: str, form: int) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode, format=form) as box:  # type: ignore[call-overload]
        for name in ("a/1.png", "é" * 120 + ".png", "b/3.cls"):
            info = tarfile.TarInfo(name)
            info.size = 40
            box.addfile(info, io.BytesIO(b"x" * 40))
    return stream.getvalue()


def _checkpoint(folder: Path) -> bytes:
    path = folder / "sound.safetensors"
    tensors = {"ema.a": torch.arange(6.0).reshape(2, 3), "ema.b": torch.tensor([True]), "none": torch.zeros(0)}
    write_checkpoint(path, tensors, {"kind": "export", "shape": [1, 16, 16], "classes": ["x"], "images_seen": 1})
    return path.read_bytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all examples: each writes over the one before."""
    return tmp_path_factory.mktemp("fuzz")


@given(
    mutated(_YAML) | st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))
)
def test_yaml(content: bytes) -> None:
    try:
        parse_config(content, file="f")
    except ConfigError as error:
        assert all(fault.startswith("f:") for fault in error.faults)


@given(content=mutated(_IDX) | st.binary(max_size=100), zipped=st.booleans(), damage=st.integers(0, 60))
def test_idx(folder: Path, content: bytes, zipped: bool, damage: int) -> None:
    path = folder / ("x-idx3-ubyte" + ".gz" * zipped)
    path.write_bytes(gzip.compress(content)[: -damage or None] if zipped else content)
    with contextlib.suppress(DataError), contextlib.closing(IdxFile(path, (1, 3, 4))) as file:
        for index in range(min(len(file), 5)):
            assert file.row(index).shape == file.shape[1:]


@given(content=mutated(_zip()) | st.binary(max_size=200))
def test_zip(folder: Path, content: bytes) -> None:
    path = folder / "x.zip"
    path.write_bytes(content)
    _open_and_list(Zip, path)


@given(
    content=mutated(_tar("w", tarfile.GNU_FORMAT)) | mutated(_tar("w", tarfile.PAX_FORMAT)) | mutated(_tar("w:gz", 1))
)
def test_tar(folder: Path, content: bytes) -> None:
    path = folder / "x.tar"
    path.write_bytes(content)
    _open_and_list(Tar, path)


def _open_and_list(kind: type[Zip] | type[Tar], path: Path) -> None:
    with contextlib.suppress(DataError), contextlib.closing(kind(path)) as box:
        for member in box.walk():
            _is_clean(member.name)
            with contextlib.suppress(BadPicture):
                assert len(box.read(member, 1_000)) <= 1_000
    with contextlib.suppress(DataError):
        _list(path)


def _list(path: Path) -> None:
    with contextlib.closing(ArchiveSource(str(path), "none")) as source:
        assert len(source.items) == len({item.name for item in source.items})
        assert all(isinstance(reason, str) for _, reason in source.passed_over)


def _is_clean(name: str) -> None:
    assert not name.startswith("/")
    assert ".." not in name.split("/")
    assert "\\" not in name
    assert "\0" not in name


_ENTRY = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(("F32", "U8", "BOOL", "X")) | st.none() | st.lists(st.integers(), max_size=1),
        "shape": st.lists(st.integers(-2, 2**70) | st.booleans() | st.floats(), max_size=4) | st.text(max_size=2),
        "data_offsets": st.lists(st.integers(-8, 64) | st.booleans(), max_size=3) | st.integers(),
    }
)


@given(
    st.dictionaries(st.text(max_size=5), _ENTRY | st.integers(), max_size=4),
    st.integers(0, 64),
    st.integers(0, 2**64 - 1),
)
def test_a_header(entries: dict[str, object], size: int, length: int) -> None:
    text = json.dumps(entries).encode()
    for stated in (len(text), length):
        content = stated.to_bytes(8, "little") + text
        try:
            header = read_header(io.BytesIO(content), len(content) + size)
        except HeaderFault as fault:
            assert str(fault)
        else:
            assert sum(place.end - place.begin for place in header.places.values()) == header.size


@given(data=st.data())
def test_a_checkpoint(folder: Path, data: st.DataObject) -> None:
    path = folder / "x.safetensors"
    path.write_bytes(data.draw(mutated(_checkpoint(folder)) | st.binary(max_size=200)))
    with contextlib.suppress(CheckpointError, ResourceError):
        found = read_checkpoint(path)
        assert found.metadata["kind"] == "export"  # nothing but what was written has the digest


@given(st.text(), st.integers(10, 300))
def test_nothing_foreign_moves_a_cursor(text: str, most: int) -> None:
    shown = legible(text, most)
    assert len(shown) <= most
    assert "\n" not in escaped(text)
    for line in (shown, escaped(text), *legible_lines(text).split("\n")):
        assert all(char.isprintable() or char in "\u200c\u200d" for char in line)


def test_what_can_be_read_stays_as_it_is() -> None:
    for text in ("плащ.png", "外套/1.png", "naïve – 100 %", "👩\u200d🎨", "C:\\x"):
        assert legible(text) == text
    assert legible("\x1b[2Ja\n\u202eb\udcff") == r"\x1b[2Ja\n\u202eb\udcff"
    assert legible("a" * 300 + ".png", 50).endswith("a.png")
    assert len(legible("\n" * 1_000)) == 200
