"""What a picture says of itself comes back the same from every format."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gantool import __version__
from gantool.errors import DataError
from gantool.images import save_picture
from gantool.provenance import Provenance, read_provenance

FULL = Provenance(
    checkpoint="0f" * 32, seed=2**63 - 1, index=12, class_name="Sneaker", weights="ema", images_seen=64_000
)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".webp"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_every_format_gives_back_what_was_said(tmp_path: Path, suffix: str, channels: int) -> None:
    path = tmp_path / f"picture{suffix}"
    save_picture(path, np.zeros((16, 16, channels), np.uint8), FULL)
    said = read_provenance(path)
    assert said == FULL.to_dict()
    assert said["tool"] == "gantool"
    assert said["version"] == __version__
    assert "achine-made" in said["statement"]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
@pytest.mark.parametrize("name", ["Ärmel", "靴", 'a "quoted"\nname', "x" * 500])
def test_class_names_of_any_script(tmp_path: Path, suffix: str, name: str) -> None:
    path = tmp_path / f"picture{suffix}"
    origin = Provenance(class_name=name)
    save_picture(path, np.zeros((8, 8, 3), np.uint8), origin)
    assert read_provenance(path) == origin.to_dict()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_what_does_not_apply_is_not_said(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"picture{suffix}"
    save_picture(path, np.zeros((8, 8, 1), np.uint8), Provenance(seed=0))
    assert read_provenance(path).keys() == {"seed", "tool", "version", "statement", "digital_source_type"}


def test_the_text_of_a_png_is_where_every_viewer_looks(tmp_path: Path) -> None:
    save_picture(tmp_path / "picture.png", np.zeros((8, 8, 1), np.uint8), FULL)
    with Image.open(tmp_path / "picture.png") as read:
        read.load()  # checks every chunk's sum
        text = read.text  # type: ignore[attr-defined]
    assert text["Software"] == f"gantool {__version__}"
    assert text["Description"] == FULL.statement
    assert text["gantool:index"] == "12"


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_exif_is_where_every_viewer_looks(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"picture{suffix}"
    save_picture(path, np.zeros((8, 8, 1), np.uint8), FULL)
    with Image.open(path) as read:
        exif = read.getexif()
    assert exif[0x0131] == f"gantool {__version__}"
    assert exif[0x010E] == FULL.statement


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_picture_of_someone_else_says_nothing(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"holiday{suffix}"
    Image.new("RGB", (8, 8)).save(path)
    assert read_provenance(path) == {}


def test_an_array_is_told_of_by_the_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "images.json").write_text(json.dumps({"tool": "gantool", "seed": 3}), encoding="utf-8")
    assert read_provenance(tmp_path / "images.npz") == {"tool": "gantool", "seed": 3}


def huge_png() -> bytes:
    """A header that promises 60,000 × 60,000 pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("text.png", b"not a picture"),
        ("empty.jpg", b""),
        ("bomb.png", huge_png()),
        ("cut.png", huge_png()[:20]),
        ("other.gif", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"),
        ("alone.npz", b""),
        ("missing.png", None),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match="cannot be read") as fault:
        read_provenance(tmp_path / name)
    assert name in str(fault.value)
